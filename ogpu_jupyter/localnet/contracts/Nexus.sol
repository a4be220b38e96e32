// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Clones} from "./Clones.sol";
import {Manager} from "./Manager.sol";
import {Ownable} from "./Ownable.sol";
import {ResponseClone} from "./Response.sol";
import {SourceClone} from "./Source.sol";
import {LocalManager} from "./Switches.sol";
import {TaskClone} from "./Task.sol";
import {Terminal} from "./Terminal.sol";
import {LocalVault} from "./Vault.sol";
import {
    DeliveryMethod,
    ResponseParams,
    ResponseStatus,
    SourceParams,
    SourceStatus,
    TaskStatus
} from "./Types.sol";

/// The register of all sources, and the one contract whose events tell what happens.
contract Nexus is Ownable {
    event Attempted(address task, address provider, uint256 suggestedPayment);
    event Registered(
        address provider, uint256 registrantId, address source, uint8 preferredEnvironment
    );
    event ResponseStatusChanged(address response, ResponseStatus status);
    event ResponseSubmitted(address response, address task);
    event SourcePublished(address source);
    event SourceStatusChanged(address source, SourceStatus status);
    event SourceUpdated(address source, SourceParams sourceParams);
    event TaskPublished(address task, address source);
    event TaskStatusChanged(address task, TaskStatus status);

    bytes32 public constant CONTROLLER = keccak256("CONTROLLER");
    bytes32 public constant PROVIDER = keccak256("PROVIDER");

    address public manager;
    address public terminal;
    address public vault;
    address[] public clients;
    address[] public sources;
    /// The place among the sources, counted from 1; 0 is what is not a source.
    mapping(address => uint256) public sourceId;
    mapping(address => address[]) public sourcesOf;
    mapping(address => uint256) public activeSourceCountOf;

    address private immutable _sourceCode = address(new SourceClone());
    address private immutable _responseCode = address(new ResponseClone());

    modifier onlyController() {
        require(checkController(msg.sender), "NotController");
        _;
    }

    constructor(address _manager, address _terminal, address _vault) {
        manager = _manager;
        terminal = _terminal;
        vault = _vault;
        _setOwner(msg.sender);
    }

    // --- sources, by their clients ---

    function publishSource(SourceParams memory _sourceParams) external {
        address client = _sourceParams.client;
        _requireActsFor(client);
        _sourceParams.lastUpdateTime = block.timestamp;
        address source = Clones.create(_sourceCode, abi.encode(address(this), client));
        if (sourcesOf[client].length == 0) clients.push(client);
        sources.push(source);
        sourceId[source] = sources.length;
        sourcesOf[client].push(source);
        ++activeSourceCountOf[client];
        SourceClone(source).init(_sourceParams);
        emit SourcePublished(source);
    }

    /// Everything may change but the client.
    function updateSource(address source, SourceParams memory _sourceParams) external {
        address client = _clientOf(source);
        require(_sourceParams.client == client, "NotOwner");
        _requireActsFor(client);
        _sourceParams.lastUpdateTime = block.timestamp;
        SourceClone(source).setSourceParams(_sourceParams);
        emit SourceUpdated(source, _sourceParams);
    }

    function inactivateSource(address source) external {
        _requireActsFor(_clientOf(source));
        require(SourceClone(source).getStatus() == SourceStatus.ACTIVE, "SourceInactive");
        _setSourceStatus(source, SourceStatus.INACTIVE);
    }

    /// For the owner of the Nexus, the Controller, and a source that its own owner asked.
    function setSourceStatus(address source, SourceStatus status) external {
        require(sourceId[source] != 0, "UnknownSource");
        if (msg.sender != source && msg.sender != owner() && !checkController(msg.sender)) {
            revert OwnableUnauthorizedAccount(msg.sender);
        }
        if (SourceClone(source).getStatus() != status) _setSourceStatus(source, status);
    }

    // --- providers ---

    function register(address source, address provider, uint8 preferredEnvironment) external {
        require(sourceId[source] != 0, "UnknownSource");
        _requireProvider(provider);
        (SourceStatus status, uint8 environments, uint256 lockup) = SourceClone(source).needs();
        require(status == SourceStatus.ACTIVE, "SourceInactive");
        require(
            environments & preferredEnvironment != 0 && LocalVault(vault).isEligible(provider),
            "NotEligible"
        );
        require(LocalVault(vault).lockupOf(provider) >= lockup, "InsufficientLockup");
        uint256 id = SourceClone(source).register(provider, preferredEnvironment);
        emit Registered(provider, id, source, preferredEnvironment);
    }

    function unregister(address source, address provider) external {
        require(sourceId[source] != 0, "UnknownSource");
        require(_actsForProvider(provider), "NotProvider");
        SourceClone(source).unregister(provider);
    }

    /// Says that a provider works on a task. `suggestedPayment` is a bid: it binds nobody.
    function attempt(address task, address provider, uint256 suggestedPayment) external {
        address client = _clientOfTask(task);
        _requireProvider(provider);
        TaskClone.Brief memory told = TaskClone(task).brief();
        _requireOpen(told.status);
        if (block.timestamp >= told.expiryTime) {
            _expire(task, client, told.status);
            return;
        }
        require(
            SourceClone(told.source).registrantId(provider) != 0
                && LocalVault(vault).isEligible(provider),
            "NotEligible"
        );
        TaskClone(task).attempt(provider);
        emit Attempted(task, provider, suggestedPayment);
        if (told.status == TaskStatus.NEW) emit TaskStatusChanged(task, TaskStatus.ATTEMPTED);
    }

    /// Only the provider itself answers; it may ask for less than the task pays, not for more.
    function submitResponse(ResponseParams calldata _responseParams) external {
        address task = _responseParams.task;
        address provider = _responseParams.provider;
        address client = _clientOfTask(task);
        require(msg.sender == provider, "NotProvider");
        TaskClone.Brief memory told = TaskClone(task).brief();
        _requireOpen(told.status);
        require(block.timestamp < told.expiryTime, "Expired");
        require(_responseParams.payment <= told.payment, "InsufficientPayment");
        address response = _createResponse(_responseParams);
        TaskClone(task).submitResponse(response, provider);
        emit ResponseSubmitted(response, task);
        if (told.status != TaskStatus.RESPONDED) {
            emit TaskStatusChanged(task, TaskStatus.RESPONDED);
        }
        if (
            told.deliveryMethod == DeliveryMethod.FIRST_RESPONSE
                && !LocalManager(manager).switches().firstResponseWaits
        ) {
            _confirm(response, task, provider);
            _setTaskStatus(task, TaskStatus.FINALIZED);
            LocalVault(vault).processPayment(client, provider, task, _responseParams.payment);
        }
    }

    // --- what the Controller asks for ---

    function emitTaskPublished(address task, address source) external onlyController {
        require(sourceId[source] != 0, "UnknownSource");
        SourceClone(source).publishTask(task);
        emit TaskPublished(task, source);
    }

    function setTaskStatus(address task, TaskStatus status) external onlyController {
        _setTaskStatus(task, status);
    }

    function setResponseStatus(address response, ResponseStatus status) external onlyController {
        if (status == ResponseStatus.CONFIRMED) {
            ResponseClone.Brief memory told = ResponseClone(response).brief();
            _confirm(response, told.task, told.provider);
        } else {
            ResponseClone(response).setStatus(status);
            emit ResponseStatusChanged(response, status);
        }
    }

    // --- settings ---

    function setManager(address _manager) external onlyOwner {
        manager = _manager;
    }

    function setTerminal(address _terminal) external onlyOwner {
        terminal = _terminal;
    }

    function setVault(address _vault) external onlyOwner {
        vault = _vault;
    }

    // --- what it says ---

    function checkController(address account) public view returns (bool) {
        return Manager(manager).hasRole(CONTROLLER, account);
    }

    function getActiveSourceCount(address client) external view returns (uint256) {
        return activeSourceCountOf[client];
    }

    function getSourceCount() external view returns (uint256) {
        return sources.length;
    }

    function getSourceId(address source) external view returns (uint256) {
        return sourceId[source];
    }

    function getSources(uint256 lower, uint256 upper) external view returns (address[] memory) {
        address[] memory found = new address[](upper - lower + 1);
        for (uint256 i = lower; i <= upper; ++i) found[i - lower] = sources[i];
        return found;
    }

    // --- within ---

    function _clientOf(address source) private view returns (address) {
        require(sourceId[source] != 0, "UnknownSource");
        return SourceClone(source).getClient();
    }

    /// Nothing is done with a contract that only looks like a task.
    function _clientOfTask(address task) private view returns (address client) {
        client = LocalVault(vault).clientOf(task);
        require(client != address(0), "UnknownTask");
    }

    function _requireActsFor(address client) private view {
        require(
            msg.sender == client || Terminal(terminal).getIsAgentOf(client, msg.sender), "NotOwner"
        );
    }

    function _requireProvider(address provider) private view {
        require(
            Manager(manager).hasRole(PROVIDER, provider) && _actsForProvider(provider), "NotProvider"
        );
    }

    function _actsForProvider(address provider) private view returns (bool) {
        if (msg.sender == provider) return true;
        address master = Terminal(terminal).getMasterOf(provider);
        return master != address(0)
            && (msg.sender == master || Terminal(terminal).getIsAgentOf(master, msg.sender));
    }

    function _requireOpen(TaskStatus status) private pure {
        require(status != TaskStatus.EXPIRED, "Expired");
        require(status != TaskStatus.CANCELED && status != TaskStatus.FINALIZED, "AlreadyFinalized");
    }

    /// A task that was answered in time stays to be confirmed.
    function _expire(address task, address client, TaskStatus status) private {
        require(
            status != TaskStatus.RESPONDED
                && !LocalManager(manager).switches().expiredAttemptReverts,
            "Expired"
        );
        _setTaskStatus(task, TaskStatus.EXPIRED);
        LocalVault(vault).releasePayment(client, task);
    }

    function _createResponse(ResponseParams calldata params) private returns (address) {
        bytes32 digest = keccak256(abi.encode(params.provider, params.data));
        return Clones.create(
            _responseCode, abi.encode(params, block.timestamp, address(this), digest)
        );
    }

    function _confirm(address response, address task, address provider) private {
        ResponseClone(response).confirm();
        TaskClone(task).setWinner(provider);
        emit ResponseStatusChanged(response, ResponseStatus.CONFIRMED);
    }

    function _setTaskStatus(address task, TaskStatus status) private {
        TaskClone(task).setStatus(status);
        emit TaskStatusChanged(task, status);
    }

    function _setSourceStatus(address source, SourceStatus status) private {
        address client = SourceClone(source).getClient();
        if (status == SourceStatus.ACTIVE) ++activeSourceCountOf[client];
        else --activeSourceCountOf[client];
        SourceClone(source).setStatus(status);
        emit SourceStatusChanged(source, status);
    }
}
