"""Names that nothing here reads, and why they exist all the same. Only vulture reads this file."""

# The public interface, and flags that say what a model can do.
LOW, HIGH, NEAR_FIELD, FAR_FIELD, wait_for_playout, Assistant
audio_output, text_output, image_input, video_input, agent_transcript, timed_transcript
manual_turns, activity_marks, semantic_turns, voice_events, idle_timeout, full_duplex
cancel_response, response_instructions, response_tools, response_metadata, out_of_band, several_items
history_edits, delete_items, retrieve_items, seed_history, change_instructions, change_tools, change_voice
auto_tool_reply, async_tools, tool_cancellation, replay_calls
expiry_notice, max_session_seconds, max_connection_seconds
# Read by the names of fields: what a reply cost.
input_audio_tokens, input_text_tokens, input_image_tokens, cached_audio_tokens, cached_text_tokens
cached_image_tokens, output_audio_tokens, output_text_tokens, input_audio_seconds
# Statistics: for people, logs and pages.
drops, packets_lost, connections, losses, unacknowledged, repeated
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
    post_instructions,
    retention_ratio,
    token_limits,
    tracing,
    include,
    anchor,
)
server_time, sdk, ua, job_types, labels, lease_ms, sdpMid, sdpMLineIndex
# Called or read by name by Python or a library: onnxruntime, pocketsphinx, flite, pydantic, uvicorn.
output_names, intra_op_num_threads, inter_op_num_threads, full_utt, no_search, cmn, min_buffsize, asc
field_title_should_be_set, __getattr__, __dir__, capture_signals, openapi, force_exit, should_exit, justify

# aiortc calls it by this name (bench/rig/caller.py); figures are read by their names (bench/against.py).
_._handle_rtp_packet
arrival_time_ms
_.mic_to_model_late
# The encoder of av.
pix_fmt
