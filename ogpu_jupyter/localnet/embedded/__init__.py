"""The node that needs no binary: py-evm, the EVM of eth-tester, behind JSON-RPC over HTTP.

It is a process of its own, since the EVM holds the interpreter for as long as it runs.
What eth-tester puts around the EVM is left out: it is made for one test at a time.
"""
