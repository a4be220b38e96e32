// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Manager} from "./Manager.sol";

/// What `frozenPayment(address)` is asked with.
enum FrozenBy {
    CLIENT,
    TASK,
    BOTH
}

/// What is not known of the deployed contracts. All false is what their users tell of them.
struct Switches {
    /// Only the source's client and its agents publish, and not everybody.
    bool onlyClientPublishes;
    /// A response to a FIRST_RESPONSE task waits for a confirm, and is not final by itself.
    bool firstResponseWaits;
    /// An attempt at an expired task reverts, and does not write EXPIRED and refund.
    bool expiredAttemptReverts;
    FrozenBy frozenBy;
}

/// The Manager of the local network, which also holds the switches: every other contract
/// knows its Manager already, so that their constructors stay as the interface has them.
contract LocalManager is Manager {
    Switches private _switches;

    function switches() external view returns (Switches memory) {
        return _switches;
    }

    function setSwitches(Switches calldata value) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _switches = value;
    }

    function terminalRole() external pure returns (bytes32) {
        return TERMINAL;
    }
}
