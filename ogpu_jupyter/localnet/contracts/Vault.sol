// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Manager} from "./Manager.sol";
import {FrozenBy, LocalManager} from "./Switches.sol";

/// Everybody's coins. At every moment its own balance is the sum of what it owes: balances,
/// lockups, unbonding, sanctions and the payments frozen for tasks.
contract Vault {
    event Claimed(address account, uint256 amount);
    event Deposited(address account, uint256 amount);
    event Locked(address account, uint256 amount);
    event Sanctioned(address account, uint256 amount);
    event Unbonded(address account, uint256 amount);
    event UnbondingCanceled(address account, uint256 amount);
    event Waived(address account, uint256 amount);
    event Withdrawn(address account, uint256 amount);

    /// A task's payment: who pays, how much, and whether it is still held. One word.
    struct Escrow {
        address client;
        uint88 amount;
        bool held;
    }

    uint256 public MIN_LOCKUP_PER_SOURCE = 1 ether;
    uint256 public UNBONDING_PERIOD = 7 days;

    address public manager;
    address public nexus;
    address public terminal;
    uint256 public sanctionedAmount;
    mapping(address => uint256) public balanceOf;
    mapping(address => uint256) public lockupOf;
    mapping(address => uint256) public unbondingOf;
    mapping(address => uint256) public unbondingTimestamp;
    mapping(address => uint256) public sanctionOf;
    mapping(address => uint256) public totalEarningsOf;
    mapping(address => bool) public isWhitelisted;

    mapping(address task => Escrow) internal _escrowOf;
    mapping(address client => uint256) private _frozenOf;

    modifier onlyAdmin() {
        require(_hasRole(0x00, msg.sender), "NotOwner");
        _;
    }

    modifier onlyJudge() {
        require(_hasRole(keccak256("JUDGE"), msg.sender), "NotJudge");
        _;
    }

    modifier onlyMarket() {
        require(msg.sender == nexus || _hasRole(keccak256("CONTROLLER"), msg.sender), "NotController");
        _;
    }

    constructor(address _manager, address _nexus, address _terminal) {
        manager = _manager;
        nexus = _nexus;
        terminal = _terminal;
    }

    // --- coins in and out ---

    /// What the Terminal brings is a provider's first lockup; from others it is a balance.
    function deposit(address account) external payable {
        emit Deposited(account, msg.value);
        if (msg.sender == terminal) {
            lockupOf[account] += msg.value;
            emit Locked(account, msg.value);
        } else {
            balanceOf[account] += msg.value;
        }
    }

    function withdraw(uint256 amount) external {
        _takeBalance(msg.sender, amount);
        _send(msg.sender, amount);
    }

    /// The admin's way to give an account back all that is its own, at once.
    function emergencyExit(address account) external onlyAdmin {
        uint256 amount = balanceOf[account] + lockupOf[account] + unbondingOf[account];
        delete balanceOf[account];
        delete lockupOf[account];
        delete unbondingOf[account];
        delete unbondingTimestamp[account];
        _send(account, amount);
    }

    /// The admin takes what the judge took from an account.
    function withdrawSanctionOf(address account) external onlyAdmin {
        uint256 amount = sanctionOf[account];
        delete sanctionOf[account];
        sanctionedAmount -= amount;
        _send(msg.sender, amount);
    }

    // --- lockup ---

    function lock(uint256 amount) external {
        _takeBalance(msg.sender, amount);
        lockupOf[msg.sender] += amount;
        emit Locked(msg.sender, amount);
    }

    /// A second call before the first has matured starts the wait for both anew.
    function unbond(uint256 amount) external {
        require(lockupOf[msg.sender] >= amount, "InsufficientLockup");
        lockupOf[msg.sender] -= amount;
        unbondingOf[msg.sender] += amount;
        unbondingTimestamp[msg.sender] = block.timestamp + UNBONDING_PERIOD;
        emit Unbonded(msg.sender, amount);
    }

    function cancelUnbonding() external {
        uint256 amount = _takeUnbonding(msg.sender);
        lockupOf[msg.sender] += amount;
        emit UnbondingCanceled(msg.sender, amount);
    }

    function claim() external {
        require(block.timestamp >= unbondingTimestamp[msg.sender], "UnbondingNotElapsed");
        uint256 amount = _takeUnbonding(msg.sender);
        balanceOf[msg.sender] += amount;
        emit Claimed(msg.sender, amount);
    }

    // --- sanctions ---

    /// Taken from the lockup first, then from what is on its way out of it.
    function sanction(address account, uint256 amount) external onlyJudge {
        uint256 lockup = lockupOf[account];
        uint256 fromLockup = amount < lockup ? amount : lockup;
        require(unbondingOf[account] >= amount - fromLockup, "InsufficientLockup");
        lockupOf[account] = lockup - fromLockup;
        unbondingOf[account] -= amount - fromLockup;
        sanctionOf[account] += amount;
        sanctionedAmount += amount;
        emit Sanctioned(account, amount);
    }

    function waive(address account, uint256 amount) external onlyJudge {
        require(sanctionOf[account] >= amount, "InsufficientBalance");
        sanctionOf[account] -= amount;
        sanctionedAmount -= amount;
        lockupOf[account] += amount;
        emit Waived(account, amount);
    }

    // --- payments of tasks ---

    function freezePayment(address client, address task, uint256 amount) external onlyMarket {
        require(_escrowOf[task].client == address(0), "AlreadyFrozen");
        require(amount <= type(uint88).max, "InsufficientBalance");
        _takeBalance(client, amount);
        _escrowOf[task] = Escrow(client, uint88(amount), true);
        _frozenOf[client] += amount;
    }

    /// Pays `amount` of the frozen payment to the provider, and the rest back to the client.
    function processPayment(address client, address provider, address task, uint256 amount)
        external
        onlyMarket
    {
        uint256 frozen = _thaw(client, task);
        require(amount <= frozen, "InsufficientPayment");
        balanceOf[provider] += amount;
        totalEarningsOf[provider] += amount;
        if (amount < frozen) balanceOf[client] += frozen - amount;
    }

    function releasePayment(address client, address task) external onlyMarket {
        balanceOf[client] += _thaw(client, task);
    }

    /// The judge's way to give a client its payment back, whatever became of the task.
    function forceReleasePayment(address client, address task) external onlyJudge {
        balanceOf[client] += _thaw(client, task);
    }

    // --- settings ---

    function setMaxUnbondingPeriod(uint256 period) external onlyAdmin {
        UNBONDING_PERIOD = period;
    }

    function setMinLockupPerSource(uint256 amount) external onlyAdmin {
        MIN_LOCKUP_PER_SOURCE = amount;
    }

    function setTerminal(address _terminal) external onlyAdmin {
        terminal = _terminal;
    }

    function setWhitelist(address account, bool value) external onlyAdmin {
        isWhitelisted[account] = value;
    }

    // --- what it says ---

    /// By client, by task, or by both: not known of the deployed contract, hence a switch.
    /// The parameter has no name in the interface.
    function frozenPayment(address) external view returns (uint256) {
        address asked = abi.decode(msg.data[4:], (address));
        FrozenBy by = LocalManager(manager).switches().frozenBy;
        uint256 ofTask = _escrowOf[asked].held ? _escrowOf[asked].amount : 0;
        if (by == FrozenBy.CLIENT) return _frozenOf[asked];
        if (by == FrozenBy.TASK) return ofTask;
        return _frozenOf[asked] + ofTask;
    }

    function getBalanceOf(address account) external view returns (uint256) {
        return balanceOf[account];
    }

    function getLockupOf(address account) external view returns (uint256) {
        return lockupOf[account];
    }

    function isEligible(address account) external view returns (bool) {
        return isWhitelisted[account] || lockupOf[account] >= MIN_LOCKUP_PER_SOURCE;
    }

    // --- within ---

    function _hasRole(bytes32 role, address account) private view returns (bool) {
        return Manager(manager).hasRole(role, account);
    }

    function _takeBalance(address account, uint256 amount) private {
        uint256 balance = balanceOf[account];
        require(balance >= amount, "InsufficientBalance");
        unchecked {
            balanceOf[account] = balance - amount;
        }
    }

    function _takeUnbonding(address account) private returns (uint256 amount) {
        amount = unbondingOf[account];
        require(amount > 0, "InsufficientBalance");
        delete unbondingOf[account];
        delete unbondingTimestamp[account];
    }

    /// Ends the hold on a task's payment, once. Who paid stays known.
    function _thaw(address client, address task) private returns (uint256 amount) {
        Escrow memory escrow = _escrowOf[task];
        require(escrow.client == client, "NotOwner");
        require(escrow.held, "AlreadyFinalized");
        amount = escrow.amount;
        _escrowOf[task] = Escrow(client, 0, false);
        _frozenOf[client] -= amount;
    }

    /// The last thing that a function does: whoever is paid may call back.
    function _send(address account, uint256 amount) private {
        emit Withdrawn(account, amount);
        (bool sent,) = account.call{value: amount}("");
        require(sent, "TransferFailed");
    }
}

/// The Vault of the local network, which also tells the other contracts whose task it is.
contract LocalVault is Vault {
    constructor(address _manager, address _nexus, address _terminal)
        Vault(_manager, _nexus, _terminal)
    {}

    /// The zero address for what the Controller never published.
    function clientOf(address task) external view returns (address) {
        return _escrowOf[task].client;
    }
}
