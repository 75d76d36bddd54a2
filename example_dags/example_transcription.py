"""
A recording is written down, summarised, and given subtitles.
"""

import tempfile
import wave
from datetime import datetime
from pathlib import Path

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsChatOperator,
    OVHCloudAIEndpointsTranscriptionOperator,
)

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2
    from airflow.decorators import task

with DAG("ovh_ai_transcription", start_date=datetime(2026, 1, 1), schedule=None):

    @task
    def record() -> str:
        # Two seconds of silence. With several workers: a path in storage that all of them reach, such as
        # s3://conn_id@bucket/meeting.mp3.
        file = Path(tempfile.mkdtemp()) / "meeting.wav"
        with wave.open(str(file), "wb") as recording:
            recording.setnchannels(1)
            recording.setsampwidth(2)
            recording.setframerate(16_000)
            recording.writeframes(bytes(2 * 2 * 16_000))
        return str(file)

    meeting = record()

    # --8<-- [start:text]
    transcribe = OVHCloudAIEndpointsTranscriptionOperator(
        task_id="transcribe",
        audio_path=meeting,
        model="whisper-large-v3",
        language="en",
        prompt="OVHcloud, Roubaix, Apache Airflow",
    )

    summarise = OVHCloudAIEndpointsChatOperator(
        task_id="summarise",
        model="Meta-Llama-3_3-70B-Instruct",
        prompt="Summarise this meeting in three sentences:\n\n{{ ti.xcom_pull(task_ids='transcribe') }}",
        output="text",
    )
    transcribe >> summarise
    # --8<-- [end:text]

    # --8<-- [start:subtitles]
    OVHCloudAIEndpointsTranscriptionOperator(
        task_id="subtitles",
        audio_path=meeting,
        model="whisper-large-v3-turbo",
        output_path=f"{tempfile.gettempdir()}/ovh_ai_transcription/meeting.vtt",
    )
    # --8<-- [end:subtitles]

    # --8<-- [start:speakers]
    speakers = OVHCloudAIEndpointsTranscriptionOperator(
        task_id="speakers",
        audio_path=meeting,
        output="response",
        diarize=True,
        timestamps=["word", "segment"],
    )
    # --8<-- [end:speakers]

    @task
    def how_many(response: dict) -> int:
        return len({turn["speaker"] for turn in response["diarization"]})

    how_many(speakers.output)
