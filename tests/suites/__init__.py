"""Microsoft's own SDK test suites, run against a sandbox: `python -m tests.suites NAME`.

The suites come from the source distributions of the SDKs' pinned releases; nothing of theirs is kept here. What they import from
Microsoft's repository and no package carries (`devtools_testutils`) is in `shim`, written from what the tests call: every request
goes to the sandbox, nothing is recorded or played back.
"""
