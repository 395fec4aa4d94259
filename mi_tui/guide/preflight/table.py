"""The table of checks, in the order in which they are told: a check that needs another is skipped where that one failed."""

from __future__ import annotations

from mi_tui.guide.preflight import front, local_files, machines, policy, rightful, script, signing, space, stores
from mi_tui.guide.preflight.finding import Spec
from mi_tui.guide.preflight.reads import Reads

GROUPS = ("Sign-in", "Workspace", "Rights", "Storage", "Endpoint", "Machine", "Files")

_SIGNED = ("sign-in",)
_SPACE = ("sign-in", "workspace")

TABLE: tuple[Spec[Reads], ...] = (
    Spec("sign-in", "Signed in", "Sign-in", signing.sign_in, "Nothing in Azure can be read or made without a token."),
    Spec("clock", "This machine's clock", "Sign-in", signing.clock, "Entra refuses tokens whose times are minutes off."),
    Spec("subscription", "Subscription", "Sign-in", signing.subscription, "A disabled subscription can be read, and nothing can be made in it.", _SIGNED),
    Spec(
        "providers", "Resource providers", "Sign-in", signing.providers,
        "Azure accepts the first endpoint and then fails it, and names no provider: a broken endpoint is left.", (*_SPACE, "subscription"),
    ),
    Spec("policy", "Policies", "Sign-in", policy.allowed, "A policy that denies refuses each resource when it is made.", _SPACE),
    Spec("workspace", "Workspace", "Workspace", space.workspace, "The endpoint lives in it.", _SIGNED),
    Spec("workspace-legacy", "Legacy mode", "Workspace", space.legacy, "In v1_legacy_mode a workspace takes no online endpoints.", _SPACE),
    Spec("workspace-network", "Workspace network", "Workspace", space.network, "Endpoints and uploads go by the workspace's network.", _SPACE),
    Spec("workspace-storage", "Workspace storage", "Workspace", space.own_storage, "Model and code are uploaded there before the deployment.", _SPACE),
    Spec("registry", "Container registry", "Workspace", space.registry, "The container's image is pulled from it by the endpoint's identity.", _SPACE),
    Spec("rights-workspace", "Your rights in the workspace", "Rights", rightful.in_workspace, "Endpoint, deployment and assets are made there.", _SPACE),
    Spec("rights-group", "Your rights in the resource group", "Rights", rightful.in_group, "The storage account is made there.", _SIGNED),
    Spec("rights-storage", "Your rights on the storage account", "Rights", rightful.on_account, "The container is made there.", _SIGNED),
    Spec("rights-upload", "Uploading the file", "Rights", rightful.upload, "Owner and Contributor do not include blobs themselves.", _SIGNED),
    Spec("rights-identity", "Giving the endpoint its identity", "Rights", rightful.attach, "Azure checks a right on the identity itself too.", _SIGNED),
    Spec("rights-grants", "Granting roles", "Rights", rightful.granting, "Without its roles the endpoint's init() is refused, minutes later.", _SPACE),
    Spec("deny-assignments", "Deny assignments", "Rights", rightful.denied, "They outrank every role.", _SIGNED),
    Spec("grant-limit", "Number of role assignments", "Rights", rightful.limit, "A full subscription takes no more of them.", _SPACE),
    Spec("storage-account", "Storage account", "Storage", stores.account, "The file lies in it; its name is unique among all customers of Azure.", _SPACE),
    Spec("storage-network", "Storage network", "Storage", stores.network, "A closed network refuses the endpoint whatever roles it has.", _SPACE),
    Spec("blob", "The file", "Storage", stores.blob, "init() reads it.", _SIGNED),
    Spec("endpoint-name", "Endpoint name", "Endpoint", front.name, "It is unique in the region, among all customers of Azure.", _SPACE),
    Spec(
        "endpoint-leftover", "Leftovers", "Endpoint", front.broken,
        "An endpoint that was never made completely takes no deployment, and Azure cannot repair it.", _SPACE,
    ),
    Spec("endpoint-identity", "Endpoint identity", "Endpoint", front.identity, "Azure does not let an endpoint's identity be changed.", _SPACE),
    Spec("deployment-name", "Deployment name", "Endpoint", front.deployment, "A deployment that is there may answer somebody.", _SPACE),
    Spec("instance-type", "Instance type", "Machine", machines.size, "Endpoints admit other sizes than other computes do.", _SPACE),
    Spec("quota", "Quota", "Machine", machines.quota, "Azure refuses a deployment whose cores the quota does not have.", (*_SPACE, "instance-type")),
    Spec("conda", "Conda file", "Files", local_files.conda, "The image is built from it, which takes minutes before it fails."),
    Spec("server", "Inference server", "Files", local_files.server, "Without it the container has nothing that answers.", ("conda",)),
    Spec("script", "Scoring script", "Files", script.script, "The container crashes where the script does."),
    Spec("model", "Model files", "Files", script.model, "init() fails on a file that is not there.", ("script",)),
    Spec("variables", "Environment variables", "Files", local_files.variables, "The script gets them as they stand."),
    Spec("client-id", "Client id", "Files", local_files.client_id, "A token is asked for by the client id; the principal id gets none.", _SIGNED),
    Spec("request", "First request", "Files", local_files.request, "Its answer proves that the endpoint works."),
)  # fmt: skip
