"""Azure's errors in the shapes that public issue threads and Microsoft's troubleshooting page show."""

from mi_tui.model.failure import parse_error


def test_the_sentence_that_helps_is_dug_out_of_json_in_a_string() -> None:
    inner = (
        '{{"errors":{{"VmSize":["Not enough quota available for Standard_DS3_v2 in SubscriptionId ***. Current usage/limit: 0/6. '
        'Additional needed: 8 Please see troubleshooting guide, available here: https://aka.ms/oe-tsg#error-outofquota"]}},'
        '"title":"One or more validation errors occurred."}}'
    )
    body = {
        "error": {
            "code": "BadRequest",
            "message": "The request is invalid.",
            "details": [{"code": "InferencingClientCallFailed", "message": inner}],
        }
    }
    failure = parse_error(body, status=400, request_id="r1")
    assert failure.code == "BadRequest"
    assert failure.details[0].startswith("Not enough quota available for Standard_DS3_v2")
    assert failure.anchor == "error-outofquota"
    assert (failure.status, failure.request_id) == (400, "r1")


def test_a_long_operation_without_a_code_takes_the_first_word() -> None:
    failure = parse_error(
        {"error": {"code": None, "message": "(None) ResourceNotReady: User container has crashed or terminated."}}
    )
    assert failure.code == "ResourceNotReady"
    assert failure.message == "User container has crashed or terminated."


def test_correlation_ids_are_kept() -> None:
    info = [{"type": "Correlation", "info": {"value": {"operation": "op1", "request": "rq1"}}}]
    assert parse_error({"error": {"code": "UserError", "message": "m", "additionalInfo": info}}).correlation_id == "op1"


def test_anything_is_a_failure() -> None:
    for body in (
        {},
        {"error": None},
        {"error": "text"},
        "plain",
        None,
        {"error": {"details": ["x", {"message": None}]}},
    ):
        failure = parse_error(body, status=500)
        assert failure.code
        assert failure.message
