"""What Kafka refuses to a service, which takes a guarded broker: the fault tests K11 and K12 show it."""

from __future__ import annotations

SHOWN_ELSEWHERE = {
    ("kafka", "not_authenticated"): "test_K11_wrong_passwords_are_said_without_saying_them",
    ("kafka", "not_authorized"): "test_K11_a_store_that_may_not_read_pauses_until_it_may",
    ("kafka", "tls_failed"): "test_K12_an_expired_certificate_is_told_and_renewed_without_a_restart",
    ("kafka", "certificate_expired"): "test_K12_an_expired_certificate_is_told_and_renewed_without_a_restart",
    ("kafka", "certificates_of_no_use"): "test_K12_files_of_no_use_are_an_alarm_and_the_old_ones_stay_in_use",
}
