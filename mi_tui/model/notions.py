"""The notions of Azure that the job rests on, in three short paragraphs each. Data only; `explain` looks it up."""

from __future__ import annotations

from mi_tui.model.fields import Text

NOTIONS: dict[str, Text] = {
    "sai": (
        "System-assigned identity",
        (
            "An identity that Azure makes together with the endpoint and removes with it. Only this endpoint can use it.",
            "Azure itself lets it fetch the image, the model and the code. You grant one role: reading the blob container.",
            "Take it for one endpoint. The kind of identity cannot be changed once the endpoint exists.",
        ),
    ),
    "uai": (
        "User-assigned identity",
        (
            "An identity that is a resource of its own. It is there before the endpoint, and stays when the endpoint goes.",
            "Azure grants it nothing by itself, so three roles are needed: reading your blobs, pulling the image, and reading "
            "the workspace's storage, where model and code lie.",
            "Take it when access must be granted beforehand, perhaps by somebody else, or when several endpoints share it.",
        ),
    ),
    "grants": (
        "Grants: role assignments",
        (
            "A grant says: this principal has this role on this scope. Azure looks at grants for every call.",
            "To make one you need the right to, such as Owner or User Access Administrator on the scope. Where you have not, "
            "choose that somebody else makes them: Review lists each with its command.",
            "A new grant takes a while to be felt everywhere: seconds as a rule, up to ten minutes.",
        ),
    ),
    "acrpull": (
        "AcrPull",
        (
            "The role that lets an identity fetch images from a container registry.",
            "Azure ML builds your environment into an image in the workspace's registry; the endpoint fetches it when it starts.",
            "A system-assigned identity gets the role from Azure. A user-assigned one must be given it.",
        ),
    ),
    "scope": (
        "Container or whole account",
        (
            "The scope of the grant says how much the endpoint may read: one container, or everything in the account.",
            "One container is the least that works, and the default.",
            "Take the account when the script will read containers that do not exist yet.",
        ),
    ),
    "endpoint": (
        "Online endpoint",
        (
            "A stable address that answers requests. It carries the identity and the key; it runs nothing itself.",
            "Its name is part of the address and unique in the region, among all customers of Azure.",
            "By itself it costs nothing. What runs behind it does.",
        ),
    ),
    "deployment": (
        "Deployment",
        (
            "The machines that run your script behind an endpoint: model, code, environment, instance type and count.",
            "It bills for every hour in which it exists, used or not. 'Clean up' ends that.",
            "Making one takes Azure six to nine minutes as a rule: a machine is found, the image fetched, init() run.",
        ),
    ),
    "traffic": (
        "Traffic",
        (
            "An endpoint spreads requests over its deployments in percent. A new deployment begins with 0 %.",
            "mi-tui gives yours 100 %. When the endpoint was there before, clean-up gives the traffic back.",
            "Right after a change the first requests may still be refused; mi-tui asks again.",
        ),
    ),
    "propagation": (
        "Why a new grant takes time",
        (
            "Azure keeps grants in many places. Until all of them know, a call may be refused although the grant is there.",
            "It takes seconds as a rule, and up to ten minutes.",
            "mi-tui waits, and makes a deployment again that failed only because its grant was too young.",
        ),
    ),
    "shared_keys": (
        "Shared keys",
        (
            "A storage account has two keys that open everything in it. Whoever has one needs no identity.",
            "Many organizations turn them off. mi-tui never needs them for your blobs: it uploads with your sign-in.",
            "The endpoint reads with its managed identity, so that no key is in your code.",
        ),
    ),
    "environment": (
        "Image and environment",
        (
            "A base image plus a conda file. Azure ML builds both into one image, once, and keeps it.",
            "The conda file needs azureml-inference-server-http: it is what runs your script.",
            "In the sandbox only the conda file counts: its packages are installed for real.",
        ),
    ),
    "instance": (
        "Instance type and quota",
        (
            "The kind of machine, and how many. The price is a list price per machine and hour, with its date.",
            "Your subscription has a quota of cores for each family of machines. Azure ML keeps 20 % more in reserve for upgrades.",
            "For a first try the smallest that holds your model is right.",
        ),
    ),
    "sandbox": (
        "The sandbox",
        (
            "A local Azure on this machine. It needs no account, costs nothing, and cannot reach the real one.",
            "It checks roles as Azure does, and runs your script for real, in an environment built from your conda file.",
            "It shortens the waiting. What you learn here holds in Azure; 'mi-tui sandbox env' lets other tools in.",
        ),
    ),
    "ledger": (
        "What clean-up removes",
        (
            "For each resource mi-tui notes, before the call, whether it was there or is being made by this run.",
            "Clean-up removes only what the run made, and looks afterwards whether it is gone.",
            "What was there before is never touched, nor what somebody made again under the same name since. A container with others' "
            "blobs stays unless you say that they may go.",
        ),
    ),
    "sign_in": (
        "Signing in to Azure",
        (
            "Azure CLI: the account of 'az login'. Environment: a service principal in AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.",
            "Browser: you sign in on a page on this machine. Device code: you open a page on any device and enter a code.",
            "mi-tui sees no password, and keeps what it gets in memory only. A guest in another tenant names the tenant below the list.",
        ),
    ),
    "blob_reader": (
        "Storage Blob Data Reader",
        (
            "The role that lets an identity list and read blobs, and nothing else. It is a right to data: Owner and Contributor do not include it.",
            "The endpoint's identity needs it on the container that the script reads; a user-assigned one needs it on the workspace's "
            "storage, too, where model and code lie.",
            "Without it storage answers 403 AuthorizationPermissionMismatch, init() fails, and the deployment with it. A new grant takes up to "
            "ten minutes to act.",
        ),
    ),
    "blob_contributor": (
        "Storage Blob Data Contributor",
        (
            "The role that lets somebody read, write and delete blobs. It is a right to data: Owner and Contributor do not include it.",
            "You need it to upload a file with your own sign-in, and to upload model and code where the workspace's storage allows no keys.",
            "The endpoint does not need it, unless the data collector is on: reading is enough.",
        ),
    ),
    "identity_operator": (
        "Managed Identity Operator",
        (
            "The role that lets you attach a user-assigned identity to a resource, such as an endpoint. Contributor has that right as well.",
            "Managed Identity Contributor makes and deletes identities, but may not attach them.",
            "Without it the endpoint is refused with LinkedAuthorizationFailed, which names the identity.",
        ),
    ),
    "administrator": (
        "Who may grant roles",
        (
            "Owner, User Access Administrator and Role Based Access Control Administrator may make role assignments. Contributor may not.",
            "The last one is often given with a condition that allows only some roles, or only some kinds of principals; Azure then "
            "speaks of an ABAC condition in its refusal.",
            "Where you have none of them, choose that somebody else makes the grants: the plan lists each with its command.",
        ),
    ),
    "contributor": (
        "Owner and Contributor",
        (
            "Contributor may make, change and delete resources of almost every kind. Owner may, besides, grant roles.",
            "Neither of them may read or write blobs: that is a right to data, and has roles of its own.",
            "For a run you need Contributor on the resource group, and the right to grant roles on the storage.",
        ),
    ),
    "metrics_writer": (
        "AzureML Metrics Writer",
        (
            "The role with which an endpoint's identity writes its metrics to the workspace. It is a preview.",
            "Azure grants it to a system-assigned identity by itself, together with AcrPull and Storage Blob Data Reader.",
            "A user-assigned identity works without it; its metrics may be missing.",
        ),
    ),
    "role_missing": (
        "AuthorizationPermissionMismatch",
        (
            "Storage knows who asks and refuses: the identity has no role that allows this on the blob, or its grant does not act yet.",
            "It is not the network. For that storage has another word, AuthorizationFailure.",
            "Grant Storage Blob Data Reader on the container to the endpoint's identity, or wait: a new grant takes up to ten minutes. "
            "Then make the deployment again; a failed one cannot be repaired.",
        ),
    ),
    "network_closed": (
        "AuthorizationFailure: a closed network",
        (
            "Storage refuses before it looks at any role: its firewall, or publicNetworkAccess Disabled, keeps out whoever asked.",
            "It is not a missing role. For that storage has another word, AuthorizationPermissionMismatch.",
            "Open the account's network, or give the workspace's managed network a private endpoint to it. Look afterwards whether it "
            "stayed open: a policy of the tenant may close it again without a word.",
        ),
    ),
    "right_missing": (
        "AuthorizationFailed",
        (
            "You lack the right to an action of Azure Resource Manager. The text names the action and the scope.",
            "Contributor has most actions, but none that grants roles; those need Owner or an administrator's role.",
            "Have the role granted, sign in again (a token that is older than the role does not know of it), and resume.",
        ),
    ),
    "out_of_quota": (
        "OutOfQuota",
        (
            "A limit is reached. It may be your subscription's cores for a family of machines, but also memory, disk, the number of endpoints, "
            "or role assignments: the sentence after the word says which.",
            "Azure asks for 20 % more machines than you take, rounded up: one Standard_DS3_v2 with four cores needs eight. A trial has six.",
            "Take a smaller type, delete what you do not need, or ask for more quota in Azure ML studio. 'mi-tui doctor' tells what fits.",
        ),
    ),
    "capacity": (
        "Quota and capacity",
        (
            "Quota is permission, capacity is machines. A region may have none left although the quota allows one.",
            "Azure often says nothing then: the deployment stays Creating, at 0 percent, for an hour. The metric DeploymentCapacity "
            "without a single point shows it.",
            "Delete the deployment and take another type or region. More than 15 minutes without a machine do not end well.",
        ),
    ),
    "not_ready": (
        "ResourceNotReady",
        (
            "The container stopped by itself, or answers nothing when it is asked whether it is well. Azure sees no more than that.",
            "As a rule init() failed: a role on the blob is missing, a package is not in the environment, or a path is wrong. The "
            "container's log says which, in the last line of its traceback.",
            "'mi-tui logs RUN' shows the log and 'mi-tui diagnose' reads it. Such a deployment cannot be repaired: it is deleted and made again.",
        ),
    ),
    "image_build": (
        "ImageBuildFailure",
        (
            "Azure ML could not build an image from the base image and the conda file.",
            "As a rule the file asks for versions that exclude each other, or that do not exist for that Python. The build's log, which "
            "the error names, says which.",
            "Mend the conda file and resume; a changed file is built anew. Pinned versions build faster and alike.",
        ),
    ),
    "internal_error": (
        "InternalServerError",
        (
            "Azure failed inside and tells no cause.",
            "As a rule it passes by itself. It is also seen where resource providers are not registered, and after a trial was upgraded.",
            "Resume. If it comes again, open a support ticket with the request and correlation ids, which mi-tui keeps.",
        ),
    ),
    "bad_request": (
        "BadRequest, BadArgument, UserError",
        (
            "Azure refuses what was asked. These words alone tell nothing: the reason stands inside, in details that are often JSON in a string.",
            "It may be quota, a name that is taken, a broken leftover, a missing role, or a network.",
            "'mi-tui diagnose' unwraps such a text and says which: paste all of it, not only its first line.",
        ),
    ),
    "provider": (
        "Resource providers",
        (
            "Each kind of resource belongs to a provider, such as Microsoft.MachineLearningServices, which a subscription must be registered for.",
            "A first endpoint also needs Microsoft.PolicyInsights and Microsoft.Cdn. Without them Azure says SubscriptionNotRegistered, names "
            "neither, and leaves the endpoint half made.",
            "'az provider register --namespace NAME' registers one, which needs Contributor on the subscription. Then delete the endpoint and "
            "make it again.",
        ),
    ),
    "policy": (
        "Azure Policy",
        (
            "Rules of your organization that hold for everybody, owners too: a tag that must be there, regions or sizes that may be used.",
            "A refusal says RequestDisallowedByPolicy and names the policy. Others change what you ask for, and answer that all is well.",
            "Do what it asks for (tags, region, network in the answers), or ask who keeps it for an exemption.",
        ),
    ),
    "principal": (
        "Principal id and client id",
        (
            "An identity has two ids. The principal id (object id) is what roles are granted to.",
            "The client id is what a program names to say which identity it wants a token for: UAI_CLIENT_ID.",
            "Taking one for the other is a common fault: the token is refused with 'Identity not found'.",
        ),
    ),
    "msi_endpoint": (
        "MSI_ENDPOINT and MSI_SECRET",
        (
            "Where a deployment fetches the tokens of its identity, and the secret that proves that it may. Azure ML sets both in the container.",
            "azure-identity's ManagedIdentityCredential finds them by itself.",
            "They are absent in a local container, which therefore has no identity; in the sandbox they are there.",
        ),
    ),
    "initializer": (
        "storage-initializer",
        (
            "The container that fetches model and code before yours starts, as the endpoint's identity.",
            "When it may not read the workspace's storage, the deployment fails before your script is ever started.",
            "Its log is read with '--container storage-initializer'.",
        ),
    ),
    "server": (
        "azureml-inference-server-http",
        (
            "The package that runs your scoring script: it calls init() once and run() for each request.",
            "It must stand in the conda file. Without it the container ends at once, with 'Package(s) not found'.",
            "'azmlinfsrv --entry_script score.py' runs a script the same way on your machine.",
        ),
    ),
    "kubernetes": (
        "Kubernetes endpoints",
        (
            "Azure ML can also deploy to a Kubernetes cluster of your own. mi-tui makes managed endpoints, whose machines Azure runs.",
            "Errors such as UserScriptInitFailed, PodUnschedulable or ACRSecretError belong to Kubernetes endpoints only.",
            "For those see Microsoft's page on troubleshooting Kubernetes online endpoints.",
        ),
    ),
    "correlation": (
        "Request id and correlation id",
        (
            "Azure numbers each request, and gives one correlation id to all that belong to the same operation.",
            "Support finds what happened by them; without them it hardly can.",
            "mi-tui keeps them for each step: 'mi-tui status RUN' lists them, and a diagnosis tells which to send.",
        ),
    ),
}

WORDS: dict[str, tuple[str, ...]] = {
    "sai": ("SAI", "system-assigned", "system-assigned identity"),
    "uai": ("UAI", "user-assigned", "user-assigned identity"),
    "grants": ("grant", "role assignment", "RBAC"),
    "acrpull": ("AcrPull", "registry", "container registry", "ACR"),
    "scope": ("scope",),
    "propagation": ("propagation", "not yet effective"),
    "shared_keys": ("account key", "KeyBasedAuthenticationNotPermitted", "shared key"),
    "environment": ("conda file",),
    "instance": ("instance type", "DS3_v2"),
    "sign_in": ("sign-in", "tenant", "az login", "AADSTS"),
    "blob_reader": ("Storage Blob Data Reader",),
    "blob_contributor": ("Storage Blob Data Contributor",),
    "identity_operator": ("Managed Identity Operator", "Managed Identity Contributor"),
    "administrator": ("User Access Administrator", "Role Based Access Control Administrator", "ABAC", "condition"),
    "contributor": ("Contributor", "Owner"),
    "metrics_writer": ("AzureML Metrics Writer", "Metrics Writer"),
    "role_missing": ("AuthorizationPermissionMismatch", "403"),
    "network_closed": ("AuthorizationFailure", "firewall", "publicNetworkAccess", "private endpoint"),
    "right_missing": ("AuthorizationFailed",),
    "out_of_quota": ("OutOfQuota",),
    "capacity": ("capacity", "OutOfCapacity", "Creating"),
    "not_ready": ("ResourceNotReady", "container has crashed", "liveness probe"),
    "image_build": ("ImageBuildFailure", "image build"),
    "internal_error": ("InternalServerError", "ServiceError"),
    "bad_request": (
        "BadRequest",
        "BadArgument",
        "UserError",
        "InferencingClientCallFailed",
        "InferencingClientCreateDeploymentFailed",
    ),
    "provider": ("resource provider", "SubscriptionNotRegistered", "MissingSubscriptionRegistration"),
    "policy": ("policy", "RequestDisallowedByPolicy"),
    "principal": ("principal", "principal id", "client id", "object id", "UAI_CLIENT_ID", "service principal"),
    "msi_endpoint": ("MSI_ENDPOINT", "MSI_SECRET", "token"),
    "initializer": ("storage-initializer",),
    "server": ("azureml-inference-server-http", "inference server", "azmlinfsrv"),
    "kubernetes": ("Kubernetes", "AKS"),
    "correlation": ("correlation id", "request id", "support"),
}
"""The words under which each notion is asked for, beside its own name; the first is the one that lists tell."""
