#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "equibolt/configurations.h"
#include "flow/dynamics.h"

namespace equibolt {

enum class Method { euler, midpoint, rk3, rk4, dopri5 };

struct IntegratorOptions {
  Method method = Method::rk4;
  std::size_t steps = 20;  ///< of the fixed-step methods, for the whole interval
  /// ∫∇·v by a Gauss–Legendre rule of so many nodes on the path: the steps of the fixed-step methods are
  /// arranged so that they end on the nodes, dopri5's are interpolated. 0: otherwise.
  std::size_t divergence_nodes = 0;
  double divergence_bend = 0;  ///< of these nodes towards t = 1, see bent_gauss_legendre
  /// Of rk3 and rk4: samples whose PathIntegrals::velocity_bend exceeds this are integrated again with a
  /// third more steps and nodes, and again; at most four times. 0: none are.
  double refine_above = 0;
  /// Of dopri5 without divergence_nodes, kT: ∫∇·v by a quadrature on its steps (flow/dense_path.h), refined
  /// for each sample until its estimated error is about this. 0: by the method itself, with ∇·v at each of
  /// its stages, as of the other methods without nodes.
  double divergence_tolerance = 0;
  /// ∇·v by Hutchinson's estimator with so many probes (NetworkDynamics); 0: exact. Not with dopri5 unless by
  /// nodes, since step control and refinement would follow the noise.
  std::size_t divergence_probes = 0;
  double atol = 1e-4;             ///< absolute tolerance of dopri5
  double rtol = 1e-4;             ///< relative tolerance of dopri5
  std::size_t max_steps = 10000;  ///< dopri5 gives a sample up after so many
};

enum class IntegrationStatus : std::uint8_t {
  ok = 0,
  not_finite = 1,      ///< the path or its divergence left the finite numbers
  too_many_steps = 2,  ///< dopri5 did not arrive within max_steps
};

/// What integration along each sample's path gave, all (B,).
struct PathIntegrals {
  std::vector<double> divergence;  ///< ∫ ∇·v dt from begin to end; signed: dt < 0 when backwards
  /// Estimate of its error by the quadrature along the path; 0 where there is none.
  std::vector<double> divergence_error;
  /// Of rk3 and rk4, the largest of any step: |v(t) − 2 v(t + h/2) + v(t + h)|, of the whole N·D vector, from
  /// the step's stages. Samples for which steps and nodes are too few stand out by it. Else 0.
  std::vector<double> velocity_bend;
  std::vector<double> arc_length;        ///< ∫ |v| |dt|, of the whole N·D vector
  std::vector<double> displacement;      ///< |x_end − x_begin|
  std::vector<std::size_t> evaluations;  ///< of the vector field, over all times that it was integrated
  std::vector<std::size_t> divergences;  ///< among them, those with the divergence
  std::vector<IntegrationStatus> status;
};

enum class Divergence { skip, exact };

/// Integrates dx/dt = v(t, x) from t = begin to t = end (backwards when end < begin) for each sample of
/// x (B, N, D), in place. dopri5 chooses a step size for each sample by itself, so that a sample's path does
/// not depend on its neighbours; its error norm is the larger of the root mean square over coordinates and
/// of ∫∇·v where that comes from the stages. A sample that fails keeps its last finite position and says so
/// in `status`.
PathIntegrals integrate(Dynamics& dynamics, const IntegratorOptions& options, double begin, double end,
                        ConfigurationsView<double> x, Divergence divergence);

}  // namespace equibolt
