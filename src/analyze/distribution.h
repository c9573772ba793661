#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analyze/histogram.h"
#include "analyze/sample_set.h"

namespace equibolt {

// What a set of records says of an observable: mean, histogram, free-energy profile, free energies of states.

/// The values of an observable, (n, per_record) row-major for the n records of a set. Values of a record of
/// weight zero are not looked at.
struct ObservedValues {
  std::vector<double> values;
  std::size_t per_record = 1;  ///< as many as pairs for pair distances, which are not independent
  bool periodic = false;       ///< angles, rad: values on the circle (−π, π]
};

/// Which records have only finite values, (n,).
std::vector<bool> finite_records(const ObservedValues& observed);

/// Mean and spread. For angles the mean direction arg⟨e^{iφ}⟩ and the resultant length R = |⟨e^{iφ}⟩|, 1 for
/// equal angles and 0 for those without a direction; the error of the direction is that of ⟨sin(φ − φ̄)⟩ / R,
/// and infinite where R is less than twice its error.
struct Location {
  Estimate mean;
  double standard_deviation = 0;  ///< of single values; not of angles
  double resultant_length = 0;    ///< of angles
  double effective = 0;           ///< number of independent records that the error of the mean is worth
};
Location location(const SampleSet& set, const ObservedValues& observed);

/// Histogram and profile on the same bins.
struct Distribution {
  Bins bins;
  std::vector<Estimate> density;  ///< per unit of the observable; with `outside` it integrates to 1
  double outside = 0;             ///< share of the weight beyond the bins
  /// F = −ln density, kT, above the lowest bin. The error is that of −ln density: the shift to zero is taken
  /// as known. Infinite where nothing is in the bin.
  std::vector<Estimate> free_energy;
};
/// Bins of angles are expected to cover the circle.
Distribution distribution(const SampleSet& set, const ObservedValues& observed, const Bins& bins);

/// The probability of a state, given by whether each record is in it, and ΔF = −ln(P/(1−P)), kT.
struct StateEstimate {
  Estimate population;
  /// None where no record is in the state, or none outside. The error is by the delta method, and infinite
  /// where fewer than ten effective records are inside, or outside: `doubt` says so.
  std::optional<Estimate> free_energy = {};
  double effective_inside = 0, effective_outside = 0;
  std::string doubt = {};
};
StateEstimate state_estimate(const SampleSet& set, const std::vector<bool>& inside);

/// F of two observables of one value each, (first.count, second.count) row-major: kT above the lowest bin,
/// as in Distribution. For chains the errors are those of independent records times the root of the longer
/// autocorrelation time of the two observables (of angles: of their sines and cosines).
struct FreeEnergyMap {
  Bins first, second;
  std::vector<Estimate> free_energy;
  double outside = 0;
};
FreeEnergyMap free_energy_map(const SampleSet& set, const ObservedValues& first, const ObservedValues& second,
                              const Bins& first_bins, const Bins& second_bins);

/// Equal bins for an observable that is to be compared between sets: the circle for angles; else from the
/// least to the largest value that carries weight, without tails of a thousandth on either side, and no
/// farther beyond the quartiles than five times their distance. Values of each set as in ObservedValues.
struct SetOfValues {
  const SampleSet* set;
  const ObservedValues* observed;
};
Bins common_bins(std::span<const SetOfValues> sets, std::size_t count);

}  // namespace equibolt
