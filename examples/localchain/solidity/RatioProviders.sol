// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.27;

interface IShares {
    function getPooledEthByShares(uint256 shares) external view returns (uint256);
}

interface IExchangeRate {
    function getExchangeRate() external view returns (uint256);
}

interface IVault {
    function convertToAssets(uint256 shares) external view returns (uint256);
}

/// Pooled ether over shares, both settable: a report moves the rate, a slashing lowers it.
contract SharesProvider is IShares {
    uint256 public totalPooledEther;
    uint256 public totalShares;

    constructor(uint256 pooled, uint256 shares) {
        report(pooled, shares);
    }

    function report(uint256 pooled, uint256 shares) public {
        totalPooledEther = pooled;
        totalShares = shares;
    }

    function getPooledEthByShares(uint256 shares) external view override returns (uint256) {
        return shares * totalPooledEther / totalShares;
    }
}

contract ExchangeRateProvider is IExchangeRate {
    uint256 public getExchangeRate;

    constructor(uint256 rate) {
        setRate(rate);
    }

    function setRate(uint256 rate) public {
        getExchangeRate = rate;
    }
}

/// A vault whose share price grows with every second, as savings tokens do.
contract VaultProvider is IVault {
    uint256 private immutable _start;
    uint256 private immutable _since;
    uint256 private immutable _growthPerSecond;

    constructor(uint256 start, uint256 growthPerSecond) {
        _start = start;
        _since = block.timestamp;
        _growthPerSecond = growthPerSecond;
    }

    function convertToAssets(uint256 shares) external view override returns (uint256) {
        return shares * (_start + _growthPerSecond * (block.timestamp - _since)) / 1e18;
    }
}
