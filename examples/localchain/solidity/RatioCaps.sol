// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.27;

import {IPriceSource} from "./Common.sol";
import {CapParameters, RatioCap, RatioCapSetup, ScaledRatioCap, UnscaledRatioCap} from "./RatioCap.sol";
import {IExchangeRate, IShares, IVault} from "./RatioProviders.sol";

// One adapter a way of asking a provider, in both roundings.

contract SharesRatioCap is ScaledRatioCap {
    constructor(RatioCapSetup memory setup, CapParameters memory cap) RatioCap(setup) {
        _set(cap);
    }

    function getRatio() public view override returns (int256) {
        return int256(IShares(RATIO_PROVIDER).getPooledEthByShares(10 ** RATIO_DECIMALS));
    }
}

contract UnscaledSharesRatioCap is UnscaledRatioCap {
    constructor(RatioCapSetup memory setup, CapParameters memory cap) RatioCap(setup) {
        _set(cap);
    }

    function getRatio() public view override returns (int256) {
        return int256(IShares(RATIO_PROVIDER).getPooledEthByShares(10 ** RATIO_DECIMALS));
    }
}

contract ExchangeRateRatioCap is UnscaledRatioCap {
    constructor(RatioCapSetup memory setup, CapParameters memory cap) RatioCap(setup) {
        _set(cap);
    }

    function getRatio() public view override returns (int256) {
        return int256(IExchangeRate(RATIO_PROVIDER).getExchangeRate());
    }
}

contract VaultRatioCap is ScaledRatioCap {
    constructor(RatioCapSetup memory setup, CapParameters memory cap) RatioCap(setup) {
        _set(cap);
    }

    function getRatio() public view override returns (int256) {
        return int256(IVault(RATIO_PROVIDER).convertToAssets(10 ** RATIO_DECIMALS));
    }
}

/// On rollups the ratio comes from an exchange-rate feed.
contract FeedRatioCap is ScaledRatioCap {
    constructor(RatioCapSetup memory setup, CapParameters memory cap) RatioCap(setup) {
        _set(cap);
    }

    function getRatio() public view override returns (int256) {
        return IPriceSource(RATIO_PROVIDER).latestAnswer();
    }
}
