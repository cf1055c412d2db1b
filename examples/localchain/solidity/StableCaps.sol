// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.27;

import {Adapter, IPriceSource, IRoles} from "./Common.sol";

/// A dollar's price, cut off above: a depeg downward passes.
contract StableCap is Adapter {
    int256 public constant MAX_STABLE_CAP_VALUE = 2e8;
    IPriceSource public immutable ASSET_TO_USD_AGGREGATOR;
    int256 public getPriceCap;

    event PriceCapUpdated(int256 priceCap);

    error CapTooHigh();
    error CapLowerThanActualPrice();

    constructor(IRoles roles, IPriceSource asset, string memory description_, int256 cap)
        Adapter(roles, asset.decimals(), description_)
    {
        ASSET_TO_USD_AGGREGATOR = asset;
        _set(cap);
    }

    function setPriceCap(int256 cap) external onlyAdmin {
        _set(cap);
    }

    function latestAnswer() public view override returns (int256) {
        int256 price = ASSET_TO_USD_AGGREGATOR.latestAnswer();
        if (price > getPriceCap) return getPriceCap;
        return price > 0 ? price : int256(0);
    }

    function isCapped() external view returns (bool) {
        return ASSET_TO_USD_AGGREGATOR.latestAnswer() > getPriceCap;
    }

    function _set(int256 cap) private {
        if (cap > MAX_STABLE_CAP_VALUE) revert CapTooHigh();
        if (cap < ASSET_TO_USD_AGGREGATOR.latestAnswer()) revert CapLowerThanActualPrice();
        getPriceCap = cap;
        emit PriceCapUpdated(cap);
    }
}

/// A euro's price, cut off above at a multiple of another feed.
contract EurCap is Adapter {
    IPriceSource public immutable ASSET_TO_USD_AGGREGATOR;
    IPriceSource public immutable BASE_TO_USD_AGGREGATOR;
    uint8 public immutable RATIO_DECIMALS;
    int256 public getPriceCapRatio;

    event PriceCapRatioUpdated(int256 priceCapRatio);

    error CapLowerThanActualPrice();

    constructor(
        IRoles roles,
        IPriceSource asset,
        IPriceSource base,
        string memory description_,
        int256 capRatio,
        uint8 ratioDecimals
    ) Adapter(roles, asset.decimals(), description_) {
        ASSET_TO_USD_AGGREGATOR = asset;
        BASE_TO_USD_AGGREGATOR = base;
        RATIO_DECIMALS = ratioDecimals;
        _set(capRatio);
    }

    function setPriceCapRatio(int256 capRatio) external onlyAdmin {
        _set(capRatio);
    }

    function latestAnswer() public view override returns (int256) {
        int256 price = ASSET_TO_USD_AGGREGATOR.latestAnswer();
        int256 most = _most(getPriceCapRatio);
        return price > most ? most : price;
    }

    function isCapped() external view returns (bool) {
        return ASSET_TO_USD_AGGREGATOR.latestAnswer() > latestAnswer();
    }

    function _most(int256 capRatio) private view returns (int256) {
        return BASE_TO_USD_AGGREGATOR.latestAnswer() * capRatio / int256(10 ** RATIO_DECIMALS);
    }

    function _set(int256 capRatio) private {
        if (_most(capRatio) < ASSET_TO_USD_AGGREGATOR.latestAnswer()) revert CapLowerThanActualPrice();
        getPriceCapRatio = capRatio;
        emit PriceCapRatioUpdated(capRatio);
    }
}
