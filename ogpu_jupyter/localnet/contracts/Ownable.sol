// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// One owner, with the events and errors that OpenZeppelin made common.
///
/// A clone has no constructor to write its owner. It names its first one with `_firstOwner`,
/// and storage is only touched when the ownership moves.
abstract contract Ownable {
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

    error OwnableInvalidOwner(address owner);
    error OwnableUnauthorizedAccount(address account);

    address private _owner;
    bool private _moved;

    modifier onlyOwner() {
        if (msg.sender != owner()) revert OwnableUnauthorizedAccount(msg.sender);
        _;
    }

    function owner() public view returns (address) {
        return _moved ? _owner : _firstOwner();
    }

    function renounceOwnership() external onlyOwner {
        _setOwner(address(0));
    }

    function transferOwnership(address newOwner) external onlyOwner {
        if (newOwner == address(0)) revert OwnableInvalidOwner(address(0));
        _setOwner(newOwner);
    }

    function _firstOwner() internal view virtual returns (address) {
        return address(0);
    }

    function _setOwner(address newOwner) internal {
        emit OwnershipTransferred(owner(), newOwner);
        _owner = newOwner;
        _moved = true;
    }
}
