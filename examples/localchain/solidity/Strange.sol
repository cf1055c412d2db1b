// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.27;

import {Adapter, IPriceSource, IRoles} from "./Common.sol";
import {CapParameters, RatioCap, RatioCapSetup, ScaledRatioCap} from "./RatioCap.sol";
import {IShares} from "./RatioProviders.sol";

// Sources that must not be taken for what they look like.

/// Knows nothing but a price.
contract Unknown {
    IPriceSource private immutable _feed;

    constructor(IPriceSource feed) {
        _feed = feed;
    }

    function latestAnswer() external view returns (int256) {
        return _feed.latestAnswer() * 999 / 1000;
    }
}

/// Has every getter of a stable cap, answers a dime less.
contract LyingStableCap is Adapter {
    IPriceSource public immutable ASSET_TO_USD_AGGREGATOR;
    int256 public constant getPriceCap = 1.1e8;
    bool public constant isCapped = false;

    constructor(IRoles roles, IPriceSource asset) Adapter(roles, 8, "Capped liar") {
        ASSET_TO_USD_AGGREGATOR = asset;
    }

    function latestAnswer() public view override returns (int256) {
        return ASSET_TO_USD_AGGREGATOR.latestAnswer() - 0.1e8;
    }
}

/// Has every getter of a stable cap and its answer, and asks somebody else on the way.
contract PausableStableCap is Adapter {
    IPriceSource public immutable ASSET_TO_USD_AGGREGATOR;
    int256 public constant getPriceCap = 1.1e8;
    bool public constant isCapped = false;
    IPriceSource private immutable _hidden;

    constructor(IRoles roles, IPriceSource asset, IPriceSource hidden) Adapter(roles, 8, "Capped with a switch") {
        ASSET_TO_USD_AGGREGATOR = asset;
        _hidden = hidden;
    }

    function latestAnswer() public view override returns (int256) {
        if (_hidden.latestAnswer() < 0) return 0;
        int256 price = ASSET_TO_USD_AGGREGATOR.latestAnswer();
        return price > getPriceCap ? getPriceCap : price;
    }
}

/// A ratio cap with a floor as well: another contract, although it has all the getters.
contract BoundedRatio is ScaledRatioCap {
    constructor(RatioCapSetup memory setup, CapParameters memory cap) RatioCap(setup) {
        _set(cap);
    }

    function getLowerBound() external pure returns (uint256, uint256) {
        return (0, 0);
    }

    function getRatio() public view override returns (int256) {
        return int256(IShares(RATIO_PROVIDER).getPooledEthByShares(10 ** RATIO_DECIMALS));
    }
}

/// Answers a number that depends on the time alone and reads nothing.
contract Clock {
    uint8 public constant decimals = 8;
    string public constant description = "TIME / USD";

    function latestAnswer() external view returns (int256) {
        return int256(block.timestamp);
    }
}

/// Reads itself without end.
contract Loop is Adapter {
    int256 public constant getPriceCap = 1.1e8;
    bool public constant isCapped = false;

    constructor(IRoles roles) Adapter(roles, 8, "Loop") {}

    function ASSET_TO_USD_AGGREGATOR() external view returns (address) {
        return address(this);
    }

    function latestAnswer() public pure override returns (int256) {
        return 1e8;
    }
}
