// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Clones} from "./Clones.sol";
import {Ownable} from "./Ownable.sol";
import {DeliveryMethod, TaskParams, TaskStatus} from "./Types.sol";

interface ISubmitted {
    function digest() external view returns (bytes32);
}

/// A task, whatever holds its parameters. Its owner is the Nexus.
abstract contract TaskBase is Ownable {
    struct Attempt {
        address provider;
        uint64 timestamp;
    }

    TaskStatus public status;
    address public winningProvider;
    Attempt[] private _attempts;
    /// The place in the line of attempters, counted from 1; 0 is a provider that is not in it.
    mapping(address => uint256) public attempterId;
    mapping(address => address) public responseOf;
    mapping(bytes32 => bool) public isAlreadySubmitted;

    // --- what is sent by the Nexus ---

    function attempt(address provider) external onlyOwner {
        require(attempterId[provider] == 0, "AlreadyAttempted");
        _attempts.push(Attempt(provider, uint64(block.timestamp)));
        attempterId[provider] = _attempts.length;
        if (status == TaskStatus.NEW) status = TaskStatus.ATTEMPTED;
    }

    function submitResponse(address response, address provider) external onlyOwner {
        require(attempterId[provider] != 0, "NotAttempted");
        bytes32 digest = ISubmitted(response).digest();
        require(responseOf[provider] == address(0) && !isAlreadySubmitted[digest], "AlreadySubmitted");
        responseOf[provider] = response;
        isAlreadySubmitted[digest] = true;
        status = TaskStatus.RESPONDED;
    }

    function setStatus(TaskStatus _status) external onlyOwner {
        status = _status;
    }

    // --- what was asked ---

    function taskParams()
        external
        view
        returns (address source, string memory config, uint256 expiryTime, uint256 payment)
    {
        TaskParams memory params = _params();
        return (params.source, params.config, params.expiryTime, params.payment);
    }

    function getSource() external view returns (address) {
        return _params().source;
    }

    function getExpiryTime() external view returns (uint256) {
        return _params().expiryTime;
    }

    function getPayment() external view returns (uint256) {
        return _params().payment;
    }

    function getDeliveryMethod() external view returns (DeliveryMethod) {
        return deliveryMethod();
    }

    function deliveryMethod() public view virtual returns (DeliveryMethod);

    function _params() internal view virtual returns (TaskParams memory);

    // --- what became of it ---

    function getStatus() external view returns (TaskStatus) {
        return status;
    }

    function getAttemptCount() external view returns (uint256) {
        return _attempts.length;
    }

    function getAttempterId(address provider) external view returns (uint256) {
        return attempterId[provider];
    }

    function attempters(uint256) external view returns (address) {
        return _attemptAsked().provider;
    }

    function attemptTimestamps(uint256) external view returns (uint256) {
        return _attemptAsked().timestamp;
    }

    function getAttempters(uint256 lower, uint256 upper) external view returns (address[] memory) {
        address[] memory found = new address[](upper - lower + 1);
        for (uint256 i = lower; i <= upper; ++i) found[i - lower] = _attempts[i].provider;
        return found;
    }

    function getAttemptTimestamps(uint256 lower, uint256 upper)
        external
        view
        returns (uint256[] memory)
    {
        uint256[] memory found = new uint256[](upper - lower + 1);
        for (uint256 i = lower; i <= upper; ++i) found[i - lower] = _attempts[i].timestamp;
        return found;
    }

    /// Runs over the attempters: one that has not answered gives the zero address.
    function getResponsesOf(uint256 lower, uint256 upper) external view returns (address[] memory) {
        address[] memory found = new address[](upper - lower + 1);
        for (uint256 i = lower; i <= upper; ++i) found[i - lower] = responseOf[_attempts[i].provider];
        return found;
    }

    /// The two getters above have a parameter without a name, as the getter of a public array
    /// has: it is read from the call. Past the end such a getter reverts without a reason.
    function _attemptAsked() private view returns (Attempt storage) {
        uint256 index = abi.decode(msg.data[4:], (uint256));
        if (index >= _attempts.length) revert();
        return _attempts[index];
    }
}

/// A task by itself, as the interface has it.
contract Task is TaskBase {
    TaskParams private _stored;
    DeliveryMethod private _delivery;

    constructor(TaskParams memory _taskParams, DeliveryMethod _deliveryMethod, address nexus) payable {
        _stored = _taskParams;
        _delivery = _deliveryMethod;
        _setOwner(nexus);
    }

    function deliveryMethod() public view override returns (DeliveryMethod) {
        return _delivery;
    }

    function _params() internal view override returns (TaskParams memory) {
        return _stored;
    }
}

/// The task that the Controller makes: what `Task`'s constructor gets stands behind the
/// clone's code, as `abi.encode(TaskParams, DeliveryMethod, nexus)`.
contract TaskClone is TaskBase {
    struct Brief {
        address source;
        uint256 expiryTime;
        uint256 payment;
        DeliveryMethod deliveryMethod;
        TaskStatus status;
    }

    /// What the other contracts need of a task, in one call and without its config.
    function brief() external view returns (Brief memory) {
        return Brief(
            // Words 0 to 2 are the offset of the params, the delivery method and the nexus.
            address(uint160(Clones.word(3))),
            Clones.word(5),
            Clones.word(6),
            deliveryMethod(),
            status
        );
    }

    function setWinner(address provider) external onlyOwner {
        winningProvider = provider;
    }

    function deliveryMethod() public view override returns (DeliveryMethod) {
        return DeliveryMethod(Clones.word(1));
    }

    function _params() internal view override returns (TaskParams memory params) {
        (params,,) = abi.decode(Clones.args(), (TaskParams, DeliveryMethod, address));
    }

    function _firstOwner() internal view override returns (address) {
        return address(uint160(Clones.word(2)));
    }
}
