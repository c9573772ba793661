#pragma once

#include <cmath>

namespace equibolt::units {

// CODATA 2018. Configurations are in Å, energies in kT, masses in u; what libraries and people use instead is
// converted here and in system/ alone.
inline constexpr double boltzmann_joule = 1.380649e-23;  // J/K
inline constexpr double avogadro = 6.02214076e23;
inline constexpr double hartree_joule = 4.3597447222071e-18;
inline constexpr double atomic_mass_kilogram = 1.66053906660e-27;
inline constexpr double bohr_angstrom = 0.529177210903;
inline constexpr double nanometer_angstrom = 10;

inline double kilojoule_per_mole_in_kt(double temperature) {
  return 1000 / (avogadro * boltzmann_joule * temperature);
}

inline double hartree_in_kt(double temperature) {
  return hartree_joule / (boltzmann_joule * temperature);
}

/// fs in √(u Å²/kT), the time that goes with masses in u, lengths in Å and energies in kT.
inline double femtosecond(double temperature) {
  return 1e-15 / std::sqrt(atomic_mass_kilogram * 1e-20 / (boltzmann_joule * temperature));
}

/// ps⁻¹ in the inverse of that time.
inline double per_picosecond(double temperature) {
  return 1 / (1000 * femtosecond(temperature));
}

}  // namespace equibolt::units
