#pragma once

// The library in one include: an energy of one's own (energy.h), a Boltzmann generator for it (generator.h),
// weighted samples and estimates from them (samples.h).

#include "equibolt/configurations.h"
#include "equibolt/energy.h"
#include "equibolt/error.h"
#include "equibolt/estimate.h"
#include "equibolt/generator.h"
#include "equibolt/particle_types.h"
#include "equibolt/samples.h"
#include "equibolt/version.h"
