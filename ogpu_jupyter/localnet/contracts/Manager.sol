// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// Who may do what: roles, with the events and errors that OpenZeppelin made common.
contract Manager {
    event RoleAdminChanged(
        bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole
    );
    event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
    event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);

    error AccessControlBadConfirmation();
    error AccessControlUnauthorizedAccount(address account, bytes32 neededRole);

    bytes32 public constant DEFAULT_ADMIN_ROLE = 0x00;
    bytes32 public constant CONTROLLER = keccak256("CONTROLLER");
    bytes32 public constant JUDGE = keccak256("JUDGE");
    bytes32 public constant PROVIDER = keccak256("PROVIDER");

    /// The Terminal's: whoever has it makes providers and nothing else.
    bytes32 internal constant TERMINAL = keccak256("TERMINAL");

    mapping(bytes32 role => mapping(address account => bool)) private _members;
    mapping(bytes32 role => bytes32) private _adminOf;

    modifier onlyRole(bytes32 role) {
        if (!hasRole(role, msg.sender)) revert AccessControlUnauthorizedAccount(msg.sender, role);
        _;
    }

    constructor() {
        _grant(DEFAULT_ADMIN_ROLE, msg.sender);
        _adminOf[PROVIDER] = TERMINAL;
        emit RoleAdminChanged(PROVIDER, DEFAULT_ADMIN_ROLE, TERMINAL);
    }

    function getRoleAdmin(bytes32 role) public view returns (bytes32) {
        return _adminOf[role];
    }

    function hasRole(bytes32 role, address account) public view returns (bool) {
        return _members[role][account];
    }

    function supportsInterface(bytes4 interfaceId) external view virtual returns (bool) {
        return interfaceId == 0x01ffc9a7 // ERC-165
            || interfaceId == 0x7965db0b; // IAccessControl
    }

    function grantRole(bytes32 role, address account) external onlyRole(getRoleAdmin(role)) {
        _grant(role, account);
    }

    function renounceRole(bytes32 role, address callerConfirmation) external {
        if (callerConfirmation != msg.sender) revert AccessControlBadConfirmation();
        _revoke(role, msg.sender);
    }

    function revokeRole(bytes32 role, address account) external onlyRole(getRoleAdmin(role)) {
        _revoke(role, account);
    }

    function _grant(bytes32 role, address account) private {
        if (_members[role][account]) return;
        _members[role][account] = true;
        emit RoleGranted(role, account, msg.sender);
    }

    function _revoke(bytes32 role, address account) private {
        if (!_members[role][account]) return;
        _members[role][account] = false;
        emit RoleRevoked(role, account, msg.sender);
    }
}
