// Elementary functions of 8 doubles, without branches; the f32 file's methods with longer
// polynomials.

#define CK_SPLAT_F64(x) ((ck_f64x8)(double)(x))

CK_INLINE ck_f64x8 ck_f64_from_bits(ck_i64x8 bits) { return __builtin_bit_cast(ck_f64x8, bits); }
CK_INLINE ck_i64x8 ck_f64_bits(ck_f64x8 x) { return __builtin_bit_cast(ck_i64x8, x); }

CK_INLINE ck_f64x8 ck_absolute_f64(ck_f64x8 x) {
  return ck_f64_from_bits(ck_f64_bits(x) & INT64_MAX);
}

CK_INLINE ck_f64x8 ck_copysign_f64(ck_f64x8 x, ck_f64x8 sign) {
  return ck_f64_from_bits((ck_f64_bits(x) & INT64_MAX) | (ck_f64_bits(sign) & INT64_MIN));
}

CK_INLINE ck_f64x8 ck_power_of_two_f64(ck_i64x8 k) { return ck_f64_from_bits((k + 1023) << 52); }

// The polynomial with `count` coefficients, highest first.
CK_INLINE ck_f64x8 ck_polynomial_f64(ck_f64x8 x, const double *coefficients, int count) {
  ck_f64x8 p = CK_SPLAT_F64(coefficients[0]);
#pragma clang loop unroll(full)
  for (int i = 1; i < count; i++) p = p * x + coefficients[i];
  return p;
}
#define CK_POLYNOMIAL_F64(x, ...)                                                                  \
  ck_polynomial_f64(                                                                               \
      x, (const double[]){__VA_ARGS__}, sizeof((const double[]){__VA_ARGS__}) / sizeof(double))

CK_INLINE ck_f64x8 ck_exp_f64(ck_f64x8 argument) {
  ck_f64x8 x = argument > 710.0 ? CK_SPLAT_F64(710.0) : argument;
  x = x < -746.0 ? CK_SPLAT_F64(-746.0) : x;
  const ck_f64x8 shift = CK_SPLAT_F64(6755399441055744.0);
  ck_f64x8 shifted = x * 1.4426950408889634074 + shift;
  ck_i64x8 k = ck_f64_bits(shifted) - ck_f64_bits(shift);
  ck_f64x8 rounded = shifted - shift;
  ck_f64x8 r = x - rounded * 6.93145751953125e-1;
  r = r - rounded * 1.42860682030941723212e-6;
  // (e^r - 1 - r) / r^2, error 5e-20 of e^r.
  ck_f64x8 p = CK_POLYNOMIAL_F64(
      r, 2.0926947855901150777e-9, 2.5112350962002848889e-8, 2.7557233315032684554e-7,
      2.7557233919596148819e-6, 0.000024801587373849060815, 0.00019841269897374362252,
      0.0013888888888858839009, 0.0083333333333166128728, 0.041666666666666724909,
      0.16666666666666684004, 0.49999999999999999965);
  ck_f64x8 y = p * (r * r) + r + 1.0;
  ck_i64x8 half = k >> 1;
  return y * ck_power_of_two_f64(half) * ck_power_of_two_f64(k - half);
}

CK_INLINE ck_f64x8 ck_log_normal_f64(ck_f64x8 x, ck_i64x8 exponent, ck_f64x8 correction) {
  ck_i64x8 bits = ck_f64_bits(x);
  ck_i64x8 k = (bits - 0x3fe6a09e667f3bcd) >> 52;
  ck_f64x8 m = ck_f64_from_bits(bits - (k << 52));
  ck_f64x8 f = m - 1.0;
  ck_f64x8 s = f / (f + 2.0);
  ck_f64x8 z = s * s;
  // (log((1 + s) / (1 - s)) / s - 2) / z, error 1e-18.
  ck_f64x8 p = CK_POLYNOMIAL_F64(
      z, 0.14799041330818000054, 0.15313758506255091104, 0.18183575043128425173,
      0.22222198381174768892, 0.28571428744111855235, 0.39999999999407637425,
      0.66666666666667353453);
  ck_f64x8 half_square = f * f * 0.5;
  // The exponent is small, so its low word alone converts it.
  ck_f64x8 kf = __builtin_convertvector(k + exponent, ck_f64x8);
  ck_f64x8 low = s * (half_square + z * p) + (kf * 1.90821492927058770002e-10 + correction);
  return kf * 6.93147180369123816490e-1 + (f - (half_square - low));
}

CK_INLINE ck_f64x8 ck_log_f64(ck_f64x8 x) {
  ck_i64x8 tiny = x < 2.2250738585072014e-308;
  ck_f64x8 scaled = tiny ? x * 4503599627370496.0 : x;
  ck_f64x8 y =
      ck_log_normal_f64(scaled, tiny ? (ck_i64x8)-52 : (ck_i64x8)0, CK_SPLAT_F64(0));
  y = x == (double)INFINITY ? x : y;
  y = x == 0.0 ? CK_SPLAT_F64(-INFINITY) : y;
  y = x < 0.0 ? CK_SPLAT_F64(NAN) : y;
  return x != x ? x : y;
}

CK_INLINE ck_f64x8 ck_log1p_f64(ck_f64x8 x) {
  ck_f64x8 u = x + 1.0;
  ck_f64x8 lost = x > 1.0 ? 1.0 - (u - x) : x - (u - 1.0);
  ck_f64x8 y = ck_log_normal_f64(u, (ck_i64x8)0, lost / u);
  y = ck_absolute_f64(x) < 1e-6 ? x - x * x * (0.5 - x * (1.0 / 3 - x * 0.25)) : y;
  y = x == (double)INFINITY ? x : y;
  y = x == -1.0 ? CK_SPLAT_F64(-INFINITY) : y;
  y = x < -1.0 ? CK_SPLAT_F64(NAN) : y;
  y = x == 0.0 ? x : y;
  return x != x ? x : y;
}

CK_INLINE ck_f64x8 ck_tanh_f64(ck_f64x8 x) {
  ck_f64x8 magnitude = ck_absolute_f64(x);
  ck_f64x8 z = x * x;
  // (tanh(x) / x - 1) / x^2 for |x| < 0.625, error 1e-20.
  ck_f64x8 p = CK_POLYNOMIAL_F64(
      z, -2.2766485586239928167e-6, 0.000011806940214429975553, -0.000036639351586515638658,
      0.000095760083028957012872, -0.00023877460105274668067, 0.00058995029255505513217,
      -0.0014558224984030569031, 0.0035921267578263639082, -0.008863235436701937162,
      0.021869488531780707408, -0.05396825396813266848, 0.13333333333333163716,
      -0.33333333333333332503);
  ck_f64x8 near = p * z * x + x;
  ck_f64x8 far = 1.0 - 2.0 / (ck_exp_f64(magnitude * 2.0) + 1.0);
  return magnitude < 0.625 ? near : (x != x ? x : ck_copysign_f64(far, x));
}

CK_INLINE ck_f64x8 ck_sigmoid_f64(ck_f64x8 x) {
  ck_f64x8 e = ck_exp_f64(-ck_absolute_f64(x));
  return (x < 0.0 ? e : CK_SPLAT_F64(1)) / (e + 1.0);
}

CK_INLINE ck_f64x8 ck_erf_f64(ck_f64x8 x) {
  ck_f64x8 magnitude = ck_absolute_f64(x);
  // erf(x) / x - 1 for |x| < 0.9375, error 2e-20.
  ck_f64x8 p = CK_POLYNOMIAL_F64(
      x * x, 6.297127495781312906e-11, -1.1556461400891446513e-9, 1.4703144048658508359e-8,
      -1.6356193587162772203e-7, 1.6461505783098639164e-6, -0.000014925623912773103993,
      0.00012055332193514684259, -0.00085483270076855044494, 0.0052239776252396335084,
      -0.02686617064511575602, 0.11283791670955064128, -0.37612638903183751501,
      0.12837916709551257387);
  ck_f64x8 near = p * x + x;
  // log(1 - erf(t)) for 0.92 <= t <= 6, error 2e-20 of erf.
  ck_f64x8 t = magnitude > 6.0 ? CK_SPLAT_F64(6.0) : magnitude;
  ck_f64x8 q = CK_POLYNOMIAL_F64(
      t, 2.141457741030976899e-14, -1.195614083145043236e-12, 3.1571804146407018925e-11,
      -5.245525651349036342e-10, 6.151191646390011014e-9, -5.409524612256712085e-8,
      3.6960048242814002799e-7, -2.0012643994846204922e-6, 8.6485086996244120407e-6,
      -0.000029572575388099273592, 0.000076987128546451977523, -0.00013381034984974806173,
      0.000057306757193734208148, 0.00050855390061729454356, -0.0016313768133767964783,
      0.00016806190007438350397, 0.01914878892814065653, -0.10278015665022180116,
      -0.63661779246282429496, -1.1283794935535108489, 2.5450777688109093484e-8);
  ck_f64x8 far = 1.0 - ck_exp_f64(q);
  return magnitude < 0.9375 ? near : (x != x ? x : ck_copysign_f64(far, x));
}
