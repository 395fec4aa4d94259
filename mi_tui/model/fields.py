"""What F1 says of the things on the screens and of the stages, in three short paragraphs each. Data only; `explain` looks it up."""

from __future__ import annotations

Text = tuple[str, tuple[str, ...]]
"""A title and its three paragraphs."""

FIELDS: dict[str, Text] = {
    # ---- things on the screens
    "request": (
        "The request",
        (
            "The JSON that is sent to the endpoint. It begins as your sample request; change it as you like.",
            "F5 or the Send button sends it. It is checked first: what is no JSON is not sent.",
            "What the script makes of it is up to the script's run().",
        ),
    ),
    "response": (
        "The answer",
        (
            "What the endpoint said, laid out or as it came; 'Raw' changes between the two.",
            "Status 200 means that run() returned. 424 means that it raised an error: the logs tell which.",
            "The time is that of the whole call, seen from here.",
        ),
    ),
    "key": (
        "The endpoint's key",
        (
            "Whoever has the key can ask the endpoint, and nothing else: it opens no storage and no workspace.",
            "'Copy key' puts it on the clipboard. It is never shown and never written to a file.",
            "Clipboards are read by other programs too. Copy something else when you are done.",
        ),
    ),
    "confirm": (
        "Why you type the name",
        (
            "What is removed in Azure is gone: there is no undo.",
            "Typing the endpoint's name makes sure that it is the one you mean.",
            "In the sandbox it is not asked for.",
        ),
    ),
    "target": (
        "Sandbox or Azure",
        (
            "The sandbox is a local Azure on this machine: everything is done for real, but nothing costs and nothing leaves the machine.",
            "Azure is your own subscription, used as the person who is signed in. mi-tui has no rights of its own.",
            "Both ask the same questions and make the same plan, so that you can try it in one and do it in the other.",
        ),
    ),
    "runs": (
        "Earlier runs",
        (
            "Each run is noted in a journal on this machine: what was meant before the call, what came of it after.",
            "Resume goes on with one that failed or was left and keeps what is done. Clean up removes what it made. Open asks its endpoint again.",
            "A deployment that a run made bills until it is cleaned up, also when mi-tui is not open.",
        ),
    ),
    "script": (
        "Scoring script and first request",
        (
            "The script in your code folder that has init() and run(). Azure ML's inference server imports it when a machine starts.",
            "The sample request is the JSON that is sent at the end, to prove that the endpoint answers. It may be left empty.",
            "A script that reads a blob takes its token from the managed identity: no key is in the code.",
        ),
    ),
    "variables": (
        "Environment variables",
        (
            "Names and values that your script finds in its environment. mi-tui adds the address of the blob and of the identity by itself.",
            "Azure shows them to everybody who may look at the deployment, so put no secret in them.",
            "Changing one later makes a new version of the deployment.",
        ),
    ),
    "steps": (
        "The steps",
        (
            "What is done, what runs now and what waits, with the time it took and the time it usually takes. A bracket joins what ran side by side.",
            "Under a step that runs stands the state that Azure gives its operation, such as Creating.",
            "A step begins as soon as all that it needs is done. What is done is never done twice.",
        ),
    ),
    "log": (
        "The container's log",
        (
            "What your script and the inference server print. storage-initializer fetches model and code before that.",
            "Azure gives the log only once the container is there; until then this place says what is being waited for.",
            "It follows the end until you scroll up; / looks for words, & shows matching lines only, s saves all of it.",
        ),
    ),
    "fix": (
        "What to do about it",
        (
            "The likely cause comes first. Enter does what the line says: it copies the command, goes to the step that mends it, or tries again.",
            "A missing grant is shown with the az command that makes it, for somebody who has the right to.",
            "After that, Resume goes on where the run failed.",
        ),
    ),
    "address": (
        "The scoring address",
        (
            "Where requests are sent: https, the endpoint's name, its region. It stays the same when deployments change.",
            "A caller sends the endpoint's key, or a token of Entra, in the Authorization header.",
            "The address alone opens nothing.",
        ),
    ),
    "back": (
        "Back",
        (
            "Goes to the step before. What you chose stays, and nothing is changed in Azure.",
            "A step that is done can be changed until you press Deploy; the plan is then made anew.",
            "Ctrl+P goes to any step that was open before.",
        ),
    ),
    "leave": (
        "Leaving a run",
        (
            "A run that is left goes on as far as Azure has begun it: operations there end without mi-tui.",
            "Resume reads what became of it, keeps what is done and goes on.",
            "Cancel begins no new step; what was made stays until you clean up.",
        ),
    ),
    "answers_file": (
        "The answers file",
        (
            "All that you chose, as YAML: the same file that 'mi-tui up' takes, so that a run can be repeated without the wizard.",
            "It holds names and paths, never a key or a token.",
            "Opening one takes the place of the answers given so far; what is wrong with it is listed with its line.",
        ),
    ),
    # ---- stages
    "welcome": (
        "Where to begin",
        (
            "Choose the sandbox to try everything without an account, or Azure to do it for real.",
            "An earlier run can be resumed, looked at, or cleaned up.",
            "Nothing is changed before you press Deploy on the Review step.",
        ),
    ),
    "workspace": (
        "Azure ML workspace",
        (
            "The place where models, environments and endpoints live. It has a storage account and a registry of its own.",
            "mi-tui uses a workspace that is there; it never makes, changes or removes one.",
            "Your endpoint will be in the workspace's region.",
        ),
    ),
    "identity": (
        "Managed identity",
        (
            "An account in your directory that belongs to a resource and not to a person. It has no password that could leak.",
            "The endpoint reads storage as this identity, and may do only what was granted to it.",
            "System-assigned: born and deleted with the endpoint. User-assigned: lives on its own. It cannot be changed later.",
        ),
    ),
    "storage": (
        "Storage account, container, blob",
        (
            "A blob is a file, a container a folder of blobs, an account holds containers and has a name of its own on the internet.",
            "Take those that are there, or let mi-tui make them. A blob that is there is never overwritten.",
            "The endpoint will be allowed to read them, and nothing more.",
        ),
    ),
    "model": (
        "What will be deployed",
        (
            "A folder with the model, a folder with the scoring script, a conda file, and the kind of machine.",
            "The script's init() runs once when a machine starts, run() for every request.",
            "The example that comes with mi-tui is filled in; it works as it is.",
        ),
    ),
    "review": (
        "The plan",
        (
            "Everything that will be made, used or changed, and each grant with its reason. Nothing has been changed yet.",
            "+ is made by this run and removed by its clean-up, = is used as it is, ~ is changed. The price is a list price with its date.",
            "The checks look, and change nothing, for what would fail: rights, providers, quota, names, networks, your files. d shows each.",
        ),
    ),
    "deploy": (
        "The run",
        (
            "Steps without an order among them go side by side. Each shows the real status of its operation.",
            "Azure gives no container logs while a deployment is being made; they follow as soon as there are any.",
            "You may leave: Azure finishes what is under way, and 'mi-tui resume' goes on.",
        ),
    ),
    "clean up": (
        "Clean up",
        (
            "Removes what this run made and what you leave ticked, and looks whether it is gone.",
            "A thing that you keep keeps what it needs: a container its account, the deployment everything.",
            "What was there before the run is never touched.",
        ),
    ),
    "troubleshoot": (
        "Troubleshoot",
        (
            "Why the last run failed: the cause, how sure that is, the lines, ids and states that speak for it, and what to do, in order.",
            "'p' tells what an error, a traceback or a log from elsewhere means; 'e' looks at an endpoint, whoever made it, and changes nothing.",
            "'r' shows the error as it came, 'y' copies all of it with the numbers that Azure's support asks for.",
        ),
    ),
}

WIDGETS: dict[str, str] = {
    "cleanup": "clean up",
    "container": "storage",
    "account": "storage",
    "blob": "storage",
    "upload": "storage",
    "conda": "environment",
    "image": "environment",
    "code": "model",
    "scoring_script": "model",
    "quota": "instance",
    "instance_type": "instance",
    "instance_count": "instance",
    "AcrPull": "acrpull",
    "kind": "identity",
    "subscription": "workspace",
    "resource_group": "workspace",
    "logs": "log",
    "log_view": "log",
    "log_tabs": "log",
    "log_input": "log",
    "plan": "review",
    "goes": "ledger",
    "clean": "ledger",
    "earlier": "runs",
    "card": "fix",
    "answer_box": "response",
    "raw": "response",
    "send": "request",
    "refresh": "endpoint",
    "copy_key": "key",
    "copy_uri": "address",
    "stop": "leave",
    "cancel": "leave",
    "path": "answers_file",
    "variable_lines": "variables",
}
"""Other names under which a widget may be known, and whose text it has."""
