// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.27;

// Test contracts of Breakwater: written from the public behaviour of the contracts they stand
// for, not copied from them, and never deployed outside a local chain.

interface IPriceSource {
    function latestAnswer() external view returns (int256);

    function decimals() external view returns (uint8);
}

interface IRoles {
    function isRiskAdmin(address account) external view returns (bool);

    function isPoolAdmin(address account) external view returns (bool);
}

/// What every adapter here has in common: a name, decimals and who may change it.
abstract contract Adapter {
    IRoles public immutable ACL_MANAGER;
    uint8 public immutable DECIMALS;
    string public description;

    error NotRiskOrPoolAdmin();

    constructor(IRoles roles, uint8 decimals_, string memory description_) {
        ACL_MANAGER = roles;
        DECIMALS = decimals_;
        description = description_;
    }

    modifier onlyAdmin() {
        if (!ACL_MANAGER.isRiskAdmin(msg.sender) && !ACL_MANAGER.isPoolAdmin(msg.sender)) {
            revert NotRiskOrPoolAdmin();
        }
        _;
    }

    function decimals() external view returns (uint8) {
        return DECIMALS;
    }

    function latestAnswer() public view virtual returns (int256);
}
