// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.27;

import {IRoles} from "./Common.sol";

/// A price somebody set.
contract FixedPrice {
    IRoles public immutable ACL_MANAGER;
    uint8 public immutable DECIMALS;
    int256 public price;
    string public description;

    event FixedPriceUpdated(int256 from, int256 to);

    error NotPoolAdmin();
    error InvalidPrice();

    constructor(IRoles roles, uint8 decimals_, int256 price_, string memory description_) {
        ACL_MANAGER = roles;
        DECIMALS = decimals_;
        description = description_;
        _set(price_);
    }

    function setPrice(int256 to) external {
        if (!ACL_MANAGER.isPoolAdmin(msg.sender)) revert NotPoolAdmin();
        _set(to);
    }

    function decimals() external view returns (uint8) {
        return DECIMALS;
    }

    function latestAnswer() external view returns (int256) {
        return price;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (uint80(block.timestamp), price, block.timestamp, block.timestamp, uint80(block.timestamp));
    }

    function _set(int256 to) private {
        if (to < 0) revert InvalidPrice();
        emit FixedPriceUpdated(price, to);
        price = to;
    }
}

/// One for one, written into the code: nobody can change it and it reads nothing.
contract OneForOne {
    uint8 public constant DECIMALS = 18;
    string public description;

    constructor(string memory description_) {
        description = description_;
    }

    function decimals() external pure returns (uint8) {
        return DECIMALS;
    }

    function latestAnswer() external pure returns (int256) {
        return 1e18;
    }
}
