// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.27;

import {IPriceSource} from "./Common.sol";

// Two feeds become one price; whichever moved last is answered with the other as it stood.

/// Asset in base = asset in peg times peg in base (stETH/ETH times ETH/USD).
contract PegToBase {
    IPriceSource public immutable PEG_TO_BASE;
    IPriceSource public immutable ASSET_TO_PEG;
    uint8 public immutable DECIMALS;
    int256 public immutable DENOMINATOR;
    string public description;

    constructor(IPriceSource peg, IPriceSource asset, uint8 decimals_, string memory description_) {
        PEG_TO_BASE = peg;
        ASSET_TO_PEG = asset;
        DECIMALS = decimals_;
        DENOMINATOR = int256(10 ** (uint256(peg.decimals()) + asset.decimals()));
        description = description_;
    }

    function decimals() external view returns (uint8) {
        return DECIMALS;
    }

    function latestAnswer() external view returns (int256) {
        int256 asset = ASSET_TO_PEG.latestAnswer();
        int256 peg = PEG_TO_BASE.latestAnswer();
        if (asset <= 0 || peg <= 0) return 0;
        return asset * peg * int256(10 ** DECIMALS) / DENOMINATOR;
    }
}

/// Asset in base = asset in peg over base in peg (USDC/USD over ETH/USD).
contract BaseToPeg {
    IPriceSource public immutable BASE_TO_PEG;
    IPriceSource public immutable ASSET_TO_PEG;
    uint8 public immutable DECIMALS;
    string public description;

    error DecimalsNotEqual();

    constructor(IPriceSource base, IPriceSource asset, uint8 decimals_, string memory description_) {
        if (base.decimals() != asset.decimals()) revert DecimalsNotEqual();
        BASE_TO_PEG = base;
        ASSET_TO_PEG = asset;
        DECIMALS = decimals_;
        description = description_;
    }

    function decimals() external view returns (uint8) {
        return DECIMALS;
    }

    function latestAnswer() external view returns (int256) {
        int256 asset = ASSET_TO_PEG.latestAnswer();
        int256 base = BASE_TO_PEG.latestAnswer();
        if (asset <= 0 || base <= 0) return 0;
        return asset * int256(10 ** DECIMALS) / base;
    }
}
