// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface ITask {
    function getStatus() external view returns (uint8);
    function getDeliveryMethod() external view returns (uint8);
    function winningProvider() external view returns (address);
    function taskParams() external view returns (address, string memory, uint256, uint256);
    function getAttemptCount() external view returns (uint256);
    function getAttempters(uint256, uint256) external view returns (address[] memory);
    function getAttemptTimestamps(uint256, uint256) external view returns (uint256[] memory);
    function getResponsesOf(uint256, uint256) external view returns (address[] memory);
}

interface IResponse {
    function getStatus() external view returns (uint8);
    function responseParams() external view returns (address, address, string memory, uint256);
    function responseTimestamp() external view returns (uint256);
}

/// Reads the whole state of many tasks in one `eth_call`. Nobody deploys it: the call brings
/// it along as the code of an account that has none (a state override).
///
/// In: orders, one behind the other, each
///     task 20 | terms are known 1 | attempts that are known 2 | n 1 | n known responses of 20
/// Out: block 8 | tasks that were read 4 | for each, in the order of the orders,
///     task 20 | outcome 1 | length 4 | what `one` gives
///
/// It stops by itself where the gas or the answer would become too much. A task that fails
/// alone harms no other.
contract Reader {
    uint256 private constant MOST_GAS = 10_000_000; // for one task
    uint256 private constant MOST_OUTPUT = 2_000_000;
    uint256 private constant MOST_ATTEMPTS = 1000;
    uint256 private constant ORDER = 24;

    uint256 private constant READ = 0;
    uint256 private constant NO_CODE = 1;
    uint256 private constant FAILED = 2;

    fallback(bytes calldata orders) external returns (bytes memory) {
        return msg.sender == address(this) ? _one(orders) : _many(orders);
    }

    function _many(bytes calldata orders) private view returns (bytes memory out) {
        assembly ("memory-safe") {
            out := mload(0x40)
        }
        uint256 size = 12;
        uint256 count;
        uint256 place;
        while (place < orders.length && size < MOST_OUTPUT) {
            uint256 next = place + ORDER + 20 * uint8(orders[place + 23]);
            uint256 length = _append(out, size, orders[place:next]);
            if (length == 0) break;
            size += length;
            place = next;
            ++count;
        }
        assembly ("memory-safe") {
            let head := or(shl(192, number()), shl(160, count))
            mstore(add(out, 0x20), or(head, shr(96, shl(96, mload(add(out, 0x20))))))
            mstore(out, size)
            mstore(0x40, and(add(add(out, size), 0x5f), not(0x1f)))
        }
        if (count > 0) return out;
        return abi.encodePacked(uint64(block.number), uint32(0));
    }

    /// Writes a task behind the first `size` bytes of `out`, and says how many bytes that took;
    /// none where the gas is at its end. Nothing else allocates memory meanwhile.
    function _append(bytes memory out, uint256 size, bytes calldata order)
        private
        view
        returns (uint256 length)
    {
        uint256 most = MOST_GAS;
        assembly ("memory-safe") {
            let at := add(add(out, 0x20), size)
            let task := shr(96, calldataload(order.offset))
            let outcome := NO_CODE
            let body := 0
            let left := gas()
            if extcodesize(task) {
                calldatacopy(at, order.offset, order.length)
                outcome := FAILED
                if staticcall(most, address(), at, order.length, 0, 0) {
                    outcome := READ
                    body := returndatasize()
                }
            }
            let used := sub(left, gas())
            let given := sub(left, shr(6, left))
            if gt(given, most) { given := most }
            // It failed for want of gas, if it used most of what there was; and if that was
            // less than there could be, it deserves another attempt.
            let starved := and(eq(outcome, FAILED), gt(used, shr(1, given)))
            starved := and(starved, lt(given, most))
            // The memory for its answer costs gas, the more the more there is.
            starved := or(starved, lt(gas(), add(30000, mul(40, body))))
            if iszero(starved) {
                mstore(at, or(shl(96, task), or(shl(88, outcome), shl(56, body))))
                returndatacopy(add(at, 25), 0, body)
                length := add(25, body)
            }
        }
    }

    /// status 1 | winner 20 | attempts 2 | terms, if not known | attempts that are not known
    /// | responses. Whatever fails in it fails the whole.
    function _one(bytes calldata order) private view returns (bytes memory) {
        ITask task = ITask(address(bytes20(order[:20])));
        uint256 count = task.getAttemptCount();
        require(count <= MOST_ATTEMPTS);
        uint256 known = uint16(bytes2(order[21:23]));
        return bytes.concat(
            abi.encodePacked(task.getStatus(), task.winningProvider(), uint16(count)),
            order[20] == 0 ? _terms(task) : bytes(""),
            known < count ? _attempts(task, known, count) : bytes(""),
            count > 0 ? _responses(task, count, order[ORDER:]) : bytes("")
        );
    }

    /// delivery 1 | source 20 | expiry 32 | payment 32 | length 4 | config
    function _terms(ITask task) private view returns (bytes memory) {
        (address source, string memory config, uint256 expiry, uint256 payment) = task.taskParams();
        uint8 delivery = task.getDeliveryMethod();
        uint32 length = uint32(bytes(config).length);
        return abi.encodePacked(delivery, source, expiry, payment, length, config);
    }

    /// provider 20 | time 8, of each
    function _attempts(ITask task, uint256 known, uint256 count)
        private
        view
        returns (bytes memory out)
    {
        address[] memory providers = task.getAttempters(known, count - 1);
        uint256[] memory times = task.getAttemptTimestamps(known, count - 1);
        require(providers.length == count - known && times.length == count - known);
        out = new bytes(28 * providers.length + 4); // room for the last word's end
        for (uint256 i; i < providers.length; ++i) {
            (address provider, uint256 time) = (providers[i], uint64(times[i]));
            assembly ("memory-safe") {
                mstore(add(add(out, 0x20), mul(i, 28)), or(shl(96, provider), shl(32, time)))
            }
        }
        assembly ("memory-safe") {
            mstore(out, sub(mload(out), 4))
        }
    }

    /// number 2 | each: address 20 | status 1 | is known 1 | what it was made with, if not known
    function _responses(ITask task, uint256 count, bytes calldata known)
        private
        view
        returns (bytes memory out)
    {
        address[] memory places = task.getResponsesOf(0, count - 1);
        uint16 given;
        for (uint256 i; i < places.length; ++i) {
            if (places[i] == address(0)) continue; // an attempter that has not answered
            ++given;
            out = bytes.concat(out, _response(IResponse(places[i]), known));
        }
        return bytes.concat(bytes2(given), out);
    }

    function _response(IResponse response, bytes calldata known)
        private
        view
        returns (bytes memory)
    {
        uint8 status = response.getStatus();
        for (uint256 i; i < known.length; i += 20) {
            if (address(bytes20(known[i:i + 20])) == address(response)) {
                return abi.encodePacked(response, status, true);
            }
        }
        return abi.encodePacked(response, status, false, _given(response));
    }

    /// provider 20 | payment 32 | time 8 | length 4 | url
    function _given(IResponse response) private view returns (bytes memory) {
        (, address provider, string memory url, uint256 payment) = response.responseParams();
        uint64 time = uint64(response.responseTimestamp());
        return abi.encodePacked(provider, payment, time, uint32(bytes(url).length), url);
    }
}
