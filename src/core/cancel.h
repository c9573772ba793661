#pragma once

namespace equibolt {

/// From now on the first SIGINT or SIGTERM asks for a stop instead of ending the process, and the next of
/// either ends it; SIGUSR1 asks for a checkpoint. System calls that a signal interrupts are restarted.
void catch_stop_signals();

/// From now on the time counts: after `seconds` a stop is asked for, as a signal would. To be called before
/// other threads ask.
void stop_after(double seconds);

/// Whether such a signal, or that time, has come. Long work asks now and then, saves its state, and throws
/// Stopped.
bool stop_requested();

/// Whether SIGUSR1 has come since the last call: each signal is reported once, to whoever saves its state and
/// goes on.
bool checkpoint_requested();

}  // namespace equibolt
