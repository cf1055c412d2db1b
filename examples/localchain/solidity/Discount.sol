// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.27;

import {Adapter, IPriceSource, IRoles} from "./Common.sol";

contract PrincipalToken {
    uint256 public immutable expiry;

    constructor(uint256 expiry_) {
        expiry = expiry_;
    }
}

/// A principal token's price: the asset's, less a discount that melts linearly until maturity.
contract LinearDiscount is Adapter {
    uint256 public constant PERCENTAGE_FACTOR = 1e18;
    uint256 public constant SECONDS_PER_YEAR = 365 days;
    PrincipalToken public immutable PENDLE_PRINCIPAL_TOKEN;
    IPriceSource public immutable ASSET_TO_USD_AGGREGATOR;
    uint256 public immutable MATURITY;
    uint64 public immutable MAX_DISCOUNT_RATE_PER_YEAR;
    uint64 public discountRatePerYear;

    event DiscountRatePerYearUpdated(uint64 from, uint64 to);

    error InvalidDiscountRate();

    constructor(
        IRoles roles,
        IPriceSource asset,
        PrincipalToken token,
        string memory description_,
        uint64 rate,
        uint64 maxRate
    ) Adapter(roles, asset.decimals(), description_) {
        ASSET_TO_USD_AGGREGATOR = asset;
        PENDLE_PRINCIPAL_TOKEN = token;
        MATURITY = token.expiry();
        MAX_DISCOUNT_RATE_PER_YEAR = maxRate;
        _set(rate);
    }

    function setDiscountRatePerYear(uint64 rate) external onlyAdmin {
        _set(rate);
    }

    function getCurrentDiscount() public view returns (uint256) {
        uint256 left = MATURITY > block.timestamp ? MATURITY - block.timestamp : 0;
        return left * discountRatePerYear / SECONDS_PER_YEAR;
    }

    function latestAnswer() public view override returns (int256) {
        int256 price = ASSET_TO_USD_AGGREGATOR.latestAnswer();
        if (price <= 0) return 0;
        return int256(uint256(price) * (PERCENTAGE_FACTOR - getCurrentDiscount()) / PERCENTAGE_FACTOR);
    }

    function _set(uint64 rate) private {
        uint256 whole = (MATURITY - block.timestamp) * rate / SECONDS_PER_YEAR;
        if (rate == 0 || rate > MAX_DISCOUNT_RATE_PER_YEAR || whole >= PERCENTAGE_FACTOR) {
            revert InvalidDiscountRate();
        }
        emit DiscountRatePerYearUpdated(discountRatePerYear, rate);
        discountRatePerYear = rate;
    }
}
