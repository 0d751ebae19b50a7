"""The state of MiniStack's services on disk."""

from localcloud.corrections import persistence
from localcloud.corrections.correction import Correction

CORRECTIONS = (
    Correction(
        "state-of-services-in-use",
        target="ministack.app:_state_map",
        digest="477cc51e39b6",
        replace=persistence.keep_to_services_in_use,
        aws="(Nothing of AWS: MiniStack writes a file for each of some 40 services at every save.)",
        link="https://pypi.org/project/ministack/1.5.33/",
    ),
    Correction(
        "state-files",
        target="ministack.core.persistence:save_state",
        digest="58a955110973",
        replace=persistence.save_durably,
        aws="Keeps what it has answered to; MiniStack logs it when its state cannot be saved.",
        link="https://pypi.org/project/ministack/1.5.33/",
    ),
    Correction(
        "damaged-state",
        target="ministack.app:_load_persisted_state",
        digest="03de3b870e8f",
        replace=persistence.start_without_damaged_files,
        aws="(Nothing of AWS: MiniStack starts without a damaged file, then overwrites it.)",
        link="https://pypi.org/project/ministack/1.5.33/",
    ),
)
