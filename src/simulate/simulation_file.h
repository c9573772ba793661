#pragma once

#include "io/npz.h"
#include "simulate/simulation_state.h"

namespace equibolt {

/// A simulation's state as named arrays, and back with the same bits. Throws DataError for a missing array or
/// another format version; whether the shapes are those of a system and its options, Simulation checks.
Npz to_npz(const SimulationState& state);
SimulationState simulation_state_from(const Npz& npz);

}  // namespace equibolt
