// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Controller} from "./Controller.sol";
import {Nexus} from "./Nexus.sol";
import {LocalManager} from "./Switches.sol";
import {Terminal} from "./Terminal.sol";
import {LocalVault} from "./Vault.sol";

/// The whole market in one transaction: its constructor makes the five contracts, gives the
/// roles, and leaves everything to its sender. The five need each other's addresses, so
/// these are told beforehand from the order in which they are made.
contract Market {
    constructor() {
        address terminal = _child(2);
        address vault = _child(3);
        address nexus = _child(4);
        LocalManager manager = new LocalManager();
        new Terminal(address(manager), vault).transferOwnership(msg.sender);
        new LocalVault(address(manager), nexus, terminal);
        new Nexus(address(manager), terminal, vault).transferOwnership(msg.sender);
        Controller controller = new Controller(nexus, terminal, vault);
        controller.transferOwnership(msg.sender);

        manager.grantRole(manager.CONTROLLER(), address(controller));
        manager.grantRole(manager.terminalRole(), terminal);
        manager.grantRole(manager.JUDGE(), msg.sender);
        manager.grantRole(manager.DEFAULT_ADMIN_ROLE(), msg.sender);
        manager.renounceRole(manager.DEFAULT_ADMIN_ROLE(), address(this));
    }

    /// The address of the contract that this one makes as its `nonce`th: the hash of the RLP
    /// of (this, nonce), for a nonce below 128.
    function _child(uint8 nonce) private view returns (address) {
        return address(
            uint160(uint256(keccak256(abi.encodePacked(hex"d694", address(this), nonce))))
        );
    }
}
