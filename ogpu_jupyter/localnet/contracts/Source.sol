// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Clones} from "./Clones.sol";
import {Ownable} from "./Ownable.sol";
import {DeliveryMethod, SourceParams, SourceStatus} from "./Types.sol";

interface ISourceNexus {
    function setSourceStatus(address source, SourceStatus status) external;
}

/// A source: its terms, the providers that serve it, the tasks that were published to it.
/// Its owner is its client; the Nexus keeps the books.
abstract contract SourceBase is Ownable {
    address public nexus;
    SourceStatus public status;
    SourceParams public sourceParams;
    address[] public tasks;
    /// A provider that left leaves a hole behind: ids stay as they are.
    address[] public registrants;
    /// The place among the registrants, counted from 1; 0 is a provider that is not one.
    mapping(address => uint256) public registrantId;
    mapping(address => uint8) public preferredEnvironmentOf;

    modifier onlyNexus() {
        if (msg.sender != nexus) revert OwnableUnauthorizedAccount(msg.sender);
        _;
    }

    function publishTask(address task) external onlyNexus {
        tasks.push(task);
    }

    function register(address provider, uint8 preferredEnvironment)
        external
        onlyNexus
        returns (uint256)
    {
        require(registrantId[provider] == 0, "AlreadyRegistered");
        registrants.push(provider);
        registrantId[provider] = registrants.length;
        preferredEnvironmentOf[provider] = preferredEnvironment;
        return registrants.length;
    }

    function unregister(address provider) external onlyNexus {
        uint256 id = registrantId[provider];
        require(id != 0, "NotRegistered");
        delete registrants[id - 1];
        delete registrantId[provider];
        delete preferredEnvironmentOf[provider];
    }

    function setSourceParams(SourceParams calldata _sourceParams) external onlyNexus {
        sourceParams = _sourceParams;
    }

    /// The owner may call this too; it goes through the Nexus, whose event tells the change.
    function setStatus(SourceStatus _status) external {
        if (msg.sender == nexus) {
            status = _status;
            return;
        }
        if (msg.sender != owner()) revert OwnableUnauthorizedAccount(msg.sender);
        ISourceNexus(nexus).setSourceStatus(address(this), _status);
    }

    function getClient() external view returns (address) {
        return sourceParams.client;
    }

    function getSourceParams() external view returns (SourceParams memory) {
        return sourceParams;
    }

    function getStatus() external view returns (SourceStatus) {
        return status;
    }

    function getTaskCount() external view returns (uint256) {
        return tasks.length;
    }

    function getRegistrantCount() external view returns (uint256) {
        return registrants.length;
    }

    function getRegistrantId(address provider) external view returns (uint256) {
        return registrantId[provider];
    }

    function getTasks(uint256 lower, uint256 upper) external view returns (address[] memory) {
        return _slice(tasks, lower, upper);
    }

    function getRegistrants(uint256 lower, uint256 upper) external view returns (address[] memory) {
        return _slice(registrants, lower, upper);
    }

    /// The deployed contract has this fault, and so its clients live with it: the answer is as
    /// long as the range but is filled at the items' own places, so any `lower` above 0 panics.
    function _slice(address[] storage items, uint256 lower, uint256 upper)
        private
        view
        returns (address[] memory)
    {
        address[] memory found = new address[](upper - lower + 1);
        for (uint256 i = lower; i <= upper; ++i) found[i] = items[i];
        return found;
    }
}

/// A source by itself, as the interface has it.
contract Source is SourceBase {
    constructor(SourceParams memory _sourceParams) payable {
        nexus = msg.sender;
        sourceParams = _sourceParams;
        _setOwner(_sourceParams.client);
    }
}

/// The source that the Nexus makes, as `abi.encode(nexus, client)` behind its code.
contract SourceClone is SourceBase {
    struct Terms {
        address client;
        SourceStatus status;
        DeliveryMethod deliveryMethod;
        uint256 minPayment;
        uint256 maxExpiryDuration;
    }

    function init(SourceParams calldata params) external {
        require(nexus == address(0) && msg.sender == address(uint160(Clones.word(0))), "NotOwner");
        nexus = msg.sender;
        sourceParams = params;
    }

    /// What a publisher has to keep to, in one call and without the URLs.
    function terms() external view returns (Terms memory) {
        return Terms(
            sourceParams.client,
            status,
            sourceParams.deliveryMethod,
            sourceParams.minPayment,
            sourceParams.maxExpiryDuration
        );
    }

    /// What a provider has to bring.
    function needs() external view returns (SourceStatus, uint8 environments, uint256 lockup) {
        return (status, sourceParams.imageEnvironments, sourceParams.minAvailableLockup);
    }

    function _firstOwner() internal view override returns (address) {
        return address(uint160(Clones.word(1)));
    }
}
