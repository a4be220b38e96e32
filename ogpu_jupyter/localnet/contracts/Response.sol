// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Clones} from "./Clones.sol";
import {Ownable} from "./Ownable.sol";
import {ResponseParams, ResponseStatus} from "./Types.sol";

/// A provider's answer, whatever holds its parameters. Its owner is the Nexus.
abstract contract ResponseBase is Ownable {
    ResponseStatus public status;
    bool public confirmedFinal;

    function confirm() external onlyOwner {
        require(!confirmedFinal, "AlreadyConfirmed");
        confirmedFinal = true;
        status = ResponseStatus.CONFIRMED;
    }

    function setStatus(ResponseStatus _status) external onlyOwner {
        status = _status;
    }

    function responseParams()
        external
        view
        returns (address task, address provider, string memory data, uint256 payment)
    {
        ResponseParams memory params = _params();
        return (params.task, params.provider, params.data, params.payment);
    }

    function getResponseParams() external view returns (ResponseParams memory) {
        return _params();
    }

    function getStatus() external view returns (ResponseStatus) {
        return status;
    }

    function responseTimestamp() external view virtual returns (uint256);

    function _params() internal view virtual returns (ResponseParams memory);
}

/// A response by itself, as the interface has it.
contract Response is ResponseBase {
    ResponseParams private _stored;
    uint256 private immutable _timestamp;

    constructor(ResponseParams memory _responseParams) payable {
        _stored = _responseParams;
        _timestamp = block.timestamp;
        _setOwner(msg.sender);
    }

    function responseTimestamp() external view override returns (uint256) {
        return _timestamp;
    }

    function _params() internal view override returns (ResponseParams memory) {
        return _stored;
    }
}

/// The response that the Nexus makes: behind its code stands
/// `abi.encode(ResponseParams, timestamp, nexus, digest)`.
contract ResponseClone is ResponseBase {
    struct Brief {
        address task;
        address provider;
        uint256 payment;
        ResponseStatus status;
    }

    /// What the other contracts need of a response, in one call and without its data.
    function brief() external view returns (Brief memory) {
        return Brief(
            // Words 0 to 3 are the offset of the params, the timestamp, the nexus, the digest.
            address(uint160(Clones.word(4))),
            address(uint160(Clones.word(5))),
            Clones.word(7),
            status
        );
    }

    /// What tells one provider's answer from another's: the hash of provider and data.
    function digest() external view returns (bytes32) {
        return bytes32(Clones.word(3));
    }

    function responseTimestamp() external view override returns (uint256) {
        return Clones.word(1);
    }

    function _params() internal view override returns (ResponseParams memory params) {
        (params,,,) = abi.decode(Clones.args(), (ResponseParams, uint256, address, bytes32));
    }

    function _firstOwner() internal view override returns (address) {
        return address(uint160(Clones.word(2)));
    }
}
