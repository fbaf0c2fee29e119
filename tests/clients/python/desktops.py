"""The library for Azure Virtual Desktop works with host pools in the emulator: lists hosts, drains one, tells and signs out its users, makes a token."""

import datetime

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.desktopvirtualization import DesktopVirtualizationMgmtClient, models

GROUP = "rg-avd"
POOL = "hp-production"


def steps(credential, subscription, emulator, refused, image_builder):
    """The steps of the story, as functions without arguments."""
    client = DesktopVirtualizationMgmtClient(
        credential, subscription, base_url=emulator, credential_scopes=[f"{emulator}/.default"]
    )

    def name(resource):
        return resource.name.split("/")[-1]

    def reads_host_pools_and_their_hosts():
        assert [pool.name for pool in client.host_pools.list_by_resource_group(GROUP)] == [POOL, "hp-staging"]
        assert client.host_pools.get(GROUP, POOL).host_pool_type == "Pooled"
        hosts = list(client.session_hosts.list(GROUP, POOL))
        assert [name(host) for host in hosts] == ["avd-0", "avd-1", "avd-2", "avd-3"], hosts
        assert {host.status for host in hosts} == {"Available"}, hosts
        checks = hosts[0].session_host_health_check_results
        assert {check.health_check_result for check in checks} == {"HealthCheckSucceeded"}, checks
        refused(ResourceNotFoundError, lambda: client.session_hosts.get(GROUP, POOL, "avd-9"), "404", "SessionHost does not exist")

    def drains_a_host_and_lets_it_in_again():
        for open_ in (False, True):
            patch = models.SessionHostPatch(allow_new_session=open_)
            assert client.session_hosts.update(GROUP, POOL, "avd-0", session_host=patch).allow_new_session is open_
            assert client.session_hosts.get(GROUP, POOL, "avd-0").allow_new_session is open_

    def tells_users_and_signs_them_out():
        sessions = list(client.user_sessions.list_by_host_pool(GROUP, POOL))
        assert len(sessions) == 5, sessions
        host, number = sessions[0].name.split("/")[1:]
        message = models.SendMessage(message_title="Update", message_body="Save your work.")
        client.user_sessions.send_message(GROUP, POOL, host, number, send_message=message)
        client.user_sessions.disconnect(GROUP, POOL, host, number)
        assert client.user_sessions.get(GROUP, POOL, host, number).session_state == "Disconnected"
        client.user_sessions.delete(GROUP, POOL, host, number, force=True)
        assert len(list(client.user_sessions.list_by_host_pool(GROUP, POOL))) == 4

    def is_refused_to_remove_a_host_with_users_unless_by_force():
        refused(HttpResponseError, lambda: client.session_hosts.delete(GROUP, POOL, "avd-1"), "409")
        client.session_hosts.delete(GROUP, POOL, "avd-1", force=True)
        assert len(list(client.session_hosts.list(GROUP, POOL))) == 3

    def makes_and_retrieves_a_registration_token():
        expires = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=4)
        info = models.RegistrationInfoPatch(expiration_time=expires, registration_token_operation="Update")
        made = client.host_pools.update(GROUP, "hp-staging", host_pool=models.HostPoolPatch(registration_info=info))
        token = client.host_pools.retrieve_registration_token(GROUP, "hp-staging").token
        assert token and token == made.registration_info.token
        assert client.host_pools.get(GROUP, "hp-staging").registration_info is None

    def the_report_of_the_task_sees_what_the_library_sees():
        pools = [pool.id for pool in client.host_pools.list_by_resource_group(GROUP)]
        images = f"/subscriptions/{subscription}/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/galContoso/images"
        said = image_builder("report", galleryImageId=f"{images}/win11-avd", reportHostPools="\n".join(pools))
        for pool in [POOL, "hp-staging"]:
            hosts = len(list(client.session_hosts.list(GROUP, pool)))
            sessions = len(list(client.user_sessions.list_by_host_pool(GROUP, pool)))
            assert f"host pool {pool}:  {hosts} session host" in said, said
            assert f", {sessions} session" in said, said

    return [
        reads_host_pools_and_their_hosts,
        drains_a_host_and_lets_it_in_again,
        tells_users_and_signs_them_out,
        is_refused_to_remove_a_host_with_users_unless_by_force,
        makes_and_retrieves_a_registration_token,
        the_report_of_the_task_sees_what_the_library_sees,
    ]
