#pragma once

#include <cstddef>
#include <string>

#include "io/npz.h"
#include "simulate/umbrella.h"

namespace equibolt {

/// A state of umbrella sampling as named arrays, with the request that it belongs to.
Npz to_npz(const UmbrellaState& state, const std::string& about);

/// And back, with the same bits. Throws DataError for a missing array or a later format; whether the shapes
/// are those of the options, Umbrella checks.
UmbrellaState umbrella_state_from(const Npz& npz, const UmbrellaOptions& options, std::size_t particles);

}  // namespace equibolt
