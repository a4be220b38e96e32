// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// Minimal proxies (EIP-1167) that carry their arguments behind their code.
///
/// Tasks and responses never change what they were made with, so nothing of it needs
/// storage: one creation, no writes. This is what makes publishing quick on a slow EVM.
library Clones {
    /// The proxy's own code; the arguments follow it.
    uint256 private constant PROXY_SIZE = 45;

    function create(address implementation, bytes memory tail) internal returns (address clone) {
        bytes memory code = abi.encodePacked(
            // Returns what stands behind these ten bytes. PUSH2 bounds the size; a create
            // past the limit of contract code (24576 bytes) fails by itself.
            hex"61",
            uint16(PROXY_SIZE + tail.length),
            hex"3d81600a3d39f3",
            hex"363d3d373d3d3d363d73",
            implementation,
            hex"5af43d82803e903d91602b57fd5bf3",
            tail
        );
        require(tail.length <= 24_000, "TooLong");
        assembly ("memory-safe") {
            clone := create(0, add(code, 0x20), mload(code))
        }
        require(clone != address(0), "CreateFailed");
    }

    /// All the arguments of the clone that runs this.
    function args() internal view returns (bytes memory data) {
        uint256 size = address(this).code.length - PROXY_SIZE;
        data = new bytes(size);
        assembly ("memory-safe") {
            extcodecopy(address(), add(data, 0x20), PROXY_SIZE, size)
        }
    }

    /// The word at `index` of the arguments: cheaper than decoding all of them.
    function word(uint256 index) internal view returns (uint256 value) {
        assembly ("memory-safe") {
            extcodecopy(address(), 0, add(PROXY_SIZE, mul(index, 0x20)), 0x20)
            value := mload(0)
        }
    }
}
