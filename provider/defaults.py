"""
Every name and number of OVHcloud AI Endpoints that the code relies on, each with its source.

Nothing is imported here: Airflow reads this module in every process, and the sandbox serves what it says.
"""

from __future__ import annotations

#: Shown to people, wherever the service is named.
SERVICE_NAME = "OVHcloud AI Endpoints"

#: Distribution name. One that begins with ``apache-airflow`` would make Airflow refuse the hook.
PACKAGE_NAME = "airflow-provider-ovhcloud-ai"

#: Connection type of this provider, and the default connection id of its hook and operators.
CONN_TYPE = "ovh_ai_endpoints"
CONN_ID = "ovh_ai_endpoints_default"

#: Path of the web console's page.
CONSOLE_PATH = "/ovhcloud-ai"

#: What Airflow calls the plugin, and what 2.11 groups its addresses under.
CONSOLE_NAME = "ovhcloud_ai_endpoints"

#: Unified OpenAI-compatible address. Source: AI Endpoints getting-started guide, read 2026-10.
BASE_URL = "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1"

#: Requests a minute per project and model with a token, per address and model without.
#: Source: AI Endpoints capabilities guide, 2026-09.
RATE_LIMIT_TOKEN_RPM = 400
RATE_LIMIT_ANONYMOUS_RPM = 2

#: Inputs in one embeddings request. Source: catalogue ``max_batch_size`` of all three models, 2026-08.
EMBEDDING_BATCH_INPUTS = 25

#: Bytes of one request body; the larger bound is for requests with images. Source: capabilities guide, 2026-09.
MAX_REQUEST_BYTES = 2_000_000
MAX_REQUEST_BYTES_IMAGES = 10_000_000

#: Images of one request. Source: catalogue ``max_images_per_prompt``, 2026-08.
MAX_IMAGES = 5

#: Bytes of a recording, with a token and without: 2,048 and 10 MB in the catalogue, 2026-08, which are at most so many.
AUDIO_BYTES = 2048 * 1024 * 1024
AUDIO_BYTES_ANONYMOUS = 10 * 1024 * 1024

#: Bytes and lines of a batch's input. Source: OVHcloud blog and batch guide, 2026-05.
BATCH_BYTES = 200_000_000
BATCH_LINES = 50_000

#: Bytes of a file that is downloaded, after decompression: ten times what a batch's input may have.
MAX_FILE_BYTES = 2_000_000_000

#: Bytes of one response after decompression. 25 vectors of 4,096 floats as JSON text are about 2 MB.
MAX_REPLY_BYTES = 64 * 1024 * 1024

#: Seconds to reach the service, and seconds for one attempt from name lookup to the last byte.
#: Slow episodes of up to two minutes were reported on the public roadmap in 2026.
CONNECT_TIMEOUT_S = 10.0
TIMEOUT_S = 120.0

#: Attempts after the first one, and the seconds that all waiting between attempts may take together.
MAX_RETRIES = 2
MAX_WAIT_S = 60.0

#: Concurrent requests of a task with many: the default, which is as many as the rate limit needs, and the maximum.
CONCURRENCY = "auto"
MAX_CONCURRENCY = 512

#: Connections that a client keeps open. An author may use more threads than a task does; a thread beyond this number
#: opens and closes a connection for every request. httpx opens no more than this.
MAX_POOL_CONNECTIONS = MAX_CONCURRENCY

#: Default number of rounds in which a task runs the tools that a model calls.
MAX_TOOL_ROUNDS = 10

#: Seconds that a connection test may take in all: it holds a thread of the web server.
TEST_TIMEOUT_S = 10.0

#: Default temperature of the chat operator, as its product page promises.
TEMPERATURE = 1.0

#: Where people are sent. Source: AI Endpoints documentation, 2026-10.
CATALOGUE_URL = "https://www.ovhcloud.com/en/public-cloud/ai-endpoints/catalog/"
PLAYGROUND_URL = "https://playground.endpoints.ai.ovh.net/"
STATUS_URL = "https://www.status-ovhcloud.com/"


def is_ovhcloud(host: str) -> bool:
    """
    Return whether a host is OVHcloud's own.

    :param host: name in lower case
    :return: True for names below OVHcloud's domains
    """
    return any(host == domain or host.endswith(f".{domain}") for domain in ("ovh.net", "ovhcloud.com", "ovh.ca"))
