// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.27;

import {Adapter, IPriceSource, IRoles} from "./Common.sol";

struct CapParameters {
    uint104 snapshotRatio;
    uint48 snapshotTimestamp;
    uint16 maxYearlyRatioGrowthPercent;
}

struct RatioCapSetup {
    IRoles roles;
    IPriceSource base;
    address provider;
    uint8 ratioDecimals;
    uint48 minimumSnapshotDelay;
    string description;
}

/// A staked token's price: base price times a ratio that may not exceed a line in time.
abstract contract RatioCap is Adapter {
    uint256 public constant PERCENTAGE_FACTOR = 1e4;
    uint256 public constant SECONDS_PER_YEAR = 365 days;
    IPriceSource public immutable BASE_TO_USD_AGGREGATOR;
    address public immutable RATIO_PROVIDER;
    uint8 public immutable RATIO_DECIMALS;
    uint48 public immutable MINIMUM_SNAPSHOT_DELAY;
    uint256 public getSnapshotRatio;
    uint256 public getSnapshotTimestamp;
    uint256 public getMaxYearlyGrowthRatePercent;

    event CapParametersUpdated(
        uint256 indexed snapshotRatio,
        uint256 indexed snapshotTimestamp,
        uint256 maxRatioGrowthPerSecond,
        uint16 maxYearlyRatioGrowthPercent
    );

    error SnapshotRatioIsZero();
    error InvalidRatioTimestamp(uint48 timestamp);

    constructor(RatioCapSetup memory setup)
        Adapter(setup.roles, setup.base.decimals(), setup.description)
    {
        BASE_TO_USD_AGGREGATOR = setup.base;
        RATIO_PROVIDER = setup.provider;
        RATIO_DECIMALS = setup.ratioDecimals;
        MINIMUM_SNAPSHOT_DELAY = setup.minimumSnapshotDelay;
    }

    function setCapParameters(CapParameters memory to) external onlyAdmin {
        _set(to);
    }

    function _set(CapParameters memory to) internal {
        if (to.snapshotRatio == 0) revert SnapshotRatioIsZero();
        bool young = to.snapshotTimestamp > block.timestamp - MINIMUM_SNAPSHOT_DELAY;
        if (to.snapshotTimestamp <= getSnapshotTimestamp || young || _isTooOld(to.snapshotTimestamp)) {
            revert InvalidRatioTimestamp(to.snapshotTimestamp);
        }
        getSnapshotRatio = to.snapshotRatio;
        getSnapshotTimestamp = to.snapshotTimestamp;
        getMaxYearlyGrowthRatePercent = to.maxYearlyRatioGrowthPercent;
        emit CapParametersUpdated(
            to.snapshotRatio,
            to.snapshotTimestamp,
            getMaxRatioGrowthPerSecond(),
            to.maxYearlyRatioGrowthPercent
        );
    }

    function latestAnswer() public view override returns (int256) {
        int256 ratio = getRatio();
        int256 price = BASE_TO_USD_AGGREGATOR.latestAnswer();
        if (ratio <= 0 || price <= 0) return 0;
        int256 most = int256(_maxRatio());
        return price * (ratio < most ? ratio : most) / int256(10 ** RATIO_DECIMALS);
    }

    function isCapped() external view returns (bool) {
        return getRatio() > int256(_maxRatio());
    }

    function getRatio() public view virtual returns (int256);

    function getMaxRatioGrowthPerSecond() public view virtual returns (uint256);

    function _maxRatio() internal view virtual returns (uint256);

    function _isTooOld(uint48 timestamp) internal view virtual returns (bool);
}

/// Adapters since late 2025: growth per second keeps six more digits, snapshots may not be old.
abstract contract ScaledRatioCap is RatioCap {
    uint256 public constant SCALING_FACTOR = 1e6;
    uint48 public constant MAXIMUM_SNAPSHOT_TERM = 180 days;

    function getMaxRatioGrowthPerSecondScaled() public view returns (uint256) {
        uint256 yearly = getSnapshotRatio * getMaxYearlyGrowthRatePercent * SCALING_FACTOR;
        return yearly / PERCENTAGE_FACTOR / SECONDS_PER_YEAR;
    }

    function getMaxRatioGrowthPerSecond() public view override returns (uint256) {
        return getMaxRatioGrowthPerSecondScaled() / SCALING_FACTOR;
    }

    function _maxRatio() internal view override returns (uint256) {
        uint256 age = block.timestamp - getSnapshotTimestamp;
        return getSnapshotRatio + getMaxRatioGrowthPerSecondScaled() * age / SCALING_FACTOR;
    }

    function _isTooOld(uint48 timestamp) internal view override returns (bool) {
        return timestamp + MAXIMUM_SNAPSHOT_TERM < block.timestamp;
    }
}

/// Adapters before: growth per second in whole units, snapshots of any age.
abstract contract UnscaledRatioCap is RatioCap {
    function getMaxRatioGrowthPerSecond() public view override returns (uint256) {
        uint256 yearly = getSnapshotRatio * getMaxYearlyGrowthRatePercent;
        return yearly / PERCENTAGE_FACTOR / SECONDS_PER_YEAR;
    }

    function _maxRatio() internal view override returns (uint256) {
        return getSnapshotRatio
            + getMaxRatioGrowthPerSecond() * (block.timestamp - getSnapshotTimestamp);
    }

    function _isTooOld(uint48) internal pure override returns (bool) {
        return false;
    }
}
