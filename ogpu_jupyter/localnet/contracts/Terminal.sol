// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Manager} from "./Manager.sol";
import {Ownable} from "./Ownable.sol";
import {Vault} from "./Vault.sol";

/// Who is who: masters and their providers, agents, and what providers say of themselves.
///
/// A pair is made by two calls: the master names its provider, then the provider its master.
contract Terminal is Ownable {
    event AgentSet(address account, address agent, bool value);
    event BaseDataUpdated(address provider);
    event DefaultAgentDisabled(address master, bool value);
    event LiveDataUpdated(address provider);
    event MasterAnnounced(address provider, address master);
    event ProviderAnnounced(address provider, address master);
    event ProviderRemoved(address provider);
    event RemoveContainer(address provider, address source);

    bytes32 public constant PROVIDER = keccak256("PROVIDER");

    address public manager;
    address public vault;
    mapping(address => string) public baseDataOf;
    mapping(address => string) public liveDataOf;
    mapping(address => bool) public defaultAgentDisabled;
    mapping(address => mapping(address => bool)) public isAgentOf;
    mapping(address => bool) public isMaster;
    mapping(address => address) public masterOf;
    mapping(address => address) public providerOf;

    /// What masters said, before the provider agreed: the provider of a master, and how many
    /// masters named a provider.
    mapping(address master => address) private _named;
    mapping(address provider => uint256) private _namedBy;

    modifier onlyProvider() {
        require(masterOf[msg.sender] != address(0), "NotProvider");
        _;
    }

    constructor(address _manager, address _vault) {
        manager = _manager;
        vault = _vault;
        _setOwner(msg.sender);
    }

    /// `amount` comes with the call and becomes the provider's lockup. Calling again for the
    /// same provider adds to it.
    function announceProvider(address provider, uint256 amount) external payable {
        require(msg.value == amount, "InsufficientBalance");
        require(provider != address(0), "NotProvider");
        if (providerOf[msg.sender] != provider || masterOf[provider] != msg.sender) {
            require(
                masterOf[provider] == address(0) && providerOf[msg.sender] == address(0),
                "AlreadyPaired"
            );
            _forget(msg.sender);
            _named[msg.sender] = provider;
            ++_namedBy[provider];
        }
        emit ProviderAnnounced(provider, msg.sender);
        if (amount > 0) Vault(vault).deposit{value: amount}(provider);
    }

    function announceMaster(address master) external {
        require(_isProvider(msg.sender), "NotProvider");
        require(masterOf[msg.sender] == address(0), "AlreadyPaired");
        require(_named[master] == msg.sender, "NotMaster");
        _forget(master);
        masterOf[msg.sender] = master;
        providerOf[master] = msg.sender;
        isMaster[master] = true;
        emit MasterAnnounced(msg.sender, master);
        Manager(manager).grantRole(PROVIDER, msg.sender);
    }

    /// Ends a pair, or takes back a name that the provider has not agreed to.
    function removeProvider(address provider) external {
        if (masterOf[provider] == msg.sender) {
            delete masterOf[provider];
            delete providerOf[msg.sender];
            delete isMaster[msg.sender];
            Manager(manager).revokeRole(PROVIDER, provider);
        } else {
            require(provider != address(0) && _named[msg.sender] == provider, "NotMaster");
            _forget(msg.sender);
        }
        emit ProviderRemoved(provider);
    }

    function removeContainer(address provider, address source) external {
        require(masterOf[provider] == msg.sender, "NotMaster");
        emit RemoveContainer(provider, source);
    }

    /// Clients and masters have agents; a provider has its master.
    function setAgent(address agent, bool value) external {
        require(masterOf[msg.sender] == address(0) || isMaster[msg.sender], "NotMaster");
        isAgentOf[msg.sender][agent] = value;
        emit AgentSet(msg.sender, agent, value);
    }

    function setDefaultAgentDisabled(bool value) external {
        defaultAgentDisabled[msg.sender] = value;
        emit DefaultAgentDisabled(msg.sender, value);
    }

    function setBaseData(string calldata _baseData) external onlyProvider {
        baseDataOf[msg.sender] = _baseData;
        emit BaseDataUpdated(msg.sender);
    }

    function setLiveData(string calldata _liveData) external onlyProvider {
        liveDataOf[msg.sender] = _liveData;
        emit LiveDataUpdated(msg.sender);
    }

    function setManager(address _manager) external onlyOwner {
        manager = _manager;
    }

    function setVault(address _vault) external onlyOwner {
        vault = _vault;
    }

    /// True from the first announcement on. The parameter has no name in the interface.
    function isProvider(address) external view returns (bool) {
        return _isProvider(abi.decode(msg.data[4:], (address)));
    }

    function getIsAgentOf(address master, address agent) external view returns (bool) {
        return isAgentOf[master][agent];
    }

    function getIsMaster(address master) external view returns (bool) {
        return isMaster[master];
    }

    function getMasterOf(address provider) external view returns (address) {
        return masterOf[provider];
    }

    function _isProvider(address account) private view returns (bool) {
        return masterOf[account] != address(0) || _namedBy[account] > 0;
    }

    function _forget(address master) private {
        address provider = _named[master];
        if (provider == address(0)) return;
        delete _named[master];
        --_namedBy[provider];
    }
}
