"""Names that nothing here reads, and why they exist all the same. Only vulture reads this file."""

# The public interface, and flags that say what a model can do.
LOW, HIGH, wait_for_playout, manual_turns, delete_items, cancel_response
input_audio_tokens, output_audio_tokens, Assistant
# Statistics: for people, logs and pages.
drops, packets_lost
# Fields of wires: read to be checked, or written for the other side.
(
    parallel_tool_calls,
    prompt,
    reasoning,
    languages,
    keywords,
    strength,
    idle_timeout_ms,
    noise_reduction,
    tracing,
    include,
)
server_time, sdk, ua, job_types, labels, lease_ms, sdpMid, sdpMLineIndex
# Called or read by name by a library: onnxruntime, pocketsphinx, flite, pydantic, uvicorn.
output_names, intra_op_num_threads, inter_op_num_threads, full_utt, no_search, cmn, min_buffsize, asc
field_title_should_be_set, capture_signals, force_exit, should_exit, justify

# aiortc calls it by this name (bench/rig/caller.py); figures are read by their names (bench/against.py).
_._handle_rtp_packet
arrival_time_ms
_.mic_to_model_late
