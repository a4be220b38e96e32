// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Clones} from "./Clones.sol";
import {Nexus} from "./Nexus.sol";
import {Ownable} from "./Ownable.sol";
import {ResponseClone} from "./Response.sol";
import {SourceClone} from "./Source.sol";
import {LocalManager} from "./Switches.sol";
import {TaskClone} from "./Task.sol";
import {Terminal} from "./Terminal.sol";
import {LocalVault} from "./Vault.sol";
import {ResponseStatus, SourceStatus, TaskParams, TaskStatus} from "./Types.sol";

/// What a client does: publish, confirm, cancel. It makes the tasks and moves their payment.
contract Controller is Ownable {
    address public nexus;
    address public terminal;
    address public vault;

    address private immutable _taskCode = address(new TaskClone());

    constructor(address _nexus, address _terminal, address _vault) {
        nexus = _nexus;
        terminal = _terminal;
        vault = _vault;
        _setOwner(msg.sender);
    }

    /// The payment comes from the sender's balance in the Vault.
    function publishTask(TaskParams calldata _taskParams) external {
        address source = _taskParams.source;
        require(source.code.length != 0, "UnknownSource");
        SourceClone.Terms memory terms = SourceClone(source).terms();
        _requireTerms(_taskParams, terms);
        address task = Clones.create(
            _taskCode, abi.encode(_taskParams, terms.deliveryMethod, nexus)
        );
        LocalVault(vault).freezePayment(msg.sender, task, _taskParams.payment);
        Nexus(nexus).emitTaskPublished(task, source);
    }

    function confirmResponse(address response) external {
        require(response.code.length != 0, "UnknownResponse");
        ResponseClone.Brief memory told = ResponseClone(response).brief();
        address client = _requireClient(told.task);
        require(TaskClone(told.task).responseOf(told.provider) == response, "UnknownResponse");
        require(told.status == ResponseStatus.SUBMITTED, "AlreadyConfirmed");
        TaskStatus status = TaskClone(told.task).getStatus();
        require(status != TaskStatus.EXPIRED, "Expired");
        require(status == TaskStatus.RESPONDED, "AlreadyFinalized");
        Nexus(nexus).setResponseStatus(response, ResponseStatus.CONFIRMED);
        Nexus(nexus).setTaskStatus(told.task, TaskStatus.FINALIZED);
        LocalVault(vault).processPayment(client, told.provider, told.task, told.payment);
    }

    function cancelTask(address task) external {
        address client = _requireClient(task);
        require(TaskClone(task).getStatus() == TaskStatus.NEW, "AlreadyFinalized");
        Nexus(nexus).setTaskStatus(task, TaskStatus.CANCELED);
        LocalVault(vault).releasePayment(client, task);
    }

    function setNexus(address _nexus) external onlyOwner {
        nexus = _nexus;
    }

    function setTerminal(address _terminal) external onlyOwner {
        terminal = _terminal;
    }

    function setVault(address _vault) external onlyOwner {
        vault = _vault;
    }

    function _requireTerms(TaskParams calldata params, SourceClone.Terms memory terms) private view {
        require(terms.status == SourceStatus.ACTIVE, "SourceInactive");
        require(params.payment >= terms.minPayment, "InsufficientPayment");
        require(params.expiryTime > block.timestamp, "Expired");
        require(params.expiryTime - block.timestamp <= terms.maxExpiryDuration, "ExpiryTooLong");
        if (LocalManager(Nexus(nexus).manager()).switches().onlyClientPublishes) {
            require(_actsFor(terms.client), "NotOwner");
        }
    }

    /// The client of a task that was published here, if the sender is that or its agent.
    function _requireClient(address task) private view returns (address client) {
        client = LocalVault(vault).clientOf(task);
        require(client != address(0), "UnknownTask");
        require(_actsFor(client), "NotOwner");
    }

    function _actsFor(address client) private view returns (bool) {
        return msg.sender == client || Terminal(terminal).getIsAgentOf(client, msg.sender);
    }
}
