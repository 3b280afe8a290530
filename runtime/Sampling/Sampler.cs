using System;

namespace Sinter.Runtime.Sampling;

/// <summary>
/// Chooses tokens: temperature, then top-k, then top-p over what is left, then min-p, then one draw. Between equal
/// logits the lower token number goes first. Nothing is allocated once the first token is chosen.
/// </summary>
/// <remarks>Not safe for several threads; each sequence has its own.</remarks>
public sealed class Sampler
{
    private readonly SamplingOptions _options;
    private RandomSequence _random;
    private Candidate[] _candidates = [];

    /// <exception cref="SinterException">An option is out of range.</exception>
    public Sampler(SamplingOptions options)
    {
        options.Validate();
        _options = options;
        _random = options.Seed is { } seed ? new RandomSequence(seed) : RandomSequence.Unpredictable();
    }

    /// <summary>A token, its logit, and its probability but for a factor; the more likely first, then the lower number.</summary>
    private struct Candidate(int token, float logit) : IComparable<Candidate>
    {
        public readonly int Token = token;

        public readonly float Logit = logit;

        public double Weight;

        public readonly int CompareTo(Candidate other)
        {
            int byLogit = other.Logit.CompareTo(Logit);
            return byLogit != 0 ? byLogit : Token.CompareTo(other.Token);
        }
    }

    /// <param name="logits">[vocabulary].</param>
    /// <param name="position">Where in its sequence the token will stand, for messages.</param>
    /// <exception cref="SinterException">A logit is not a number, or none is finite.</exception>
    public int Sample(ReadOnlySpan<float> logits, int position)
    {
        int best = Best(logits, position);
        if (IsCertain(logits[best])) return best;
        (int count, double total) = Choose(logits, logits[best]);
        return Draw(count, total);
    }

    /// <summary>Drafts a token, and remembers with what probability each could have come.</summary>
    /// <param name="logits">[vocabulary] of the model that drafts.</param>
    /// <param name="position">Where in its sequence the token will stand, for messages.</param>
    /// <param name="proposed">[vocabulary] probabilities, for <see cref="Check"/>; left alone where the choice is certain.</param>
    public int Draft(ReadOnlySpan<float> logits, int position, Span<double> proposed)
    {
        int best = Best(logits, position);
        if (IsCertain(logits[best])) return best;
        (int count, double total) = Choose(logits, logits[best]);
        proposed.Clear();
        for (int i = 0; i < count; i++) proposed[_candidates[i].Token] = _candidates[i].Weight / total;
        return Draw(count, total);
    }

    /// <summary>
    /// Takes a drafted token or another one so that tokens come as from <see cref="Sample"/>: with the probabilities p of
    /// the model and q of the draft, the draft is kept with min(1, p/q), and else a token drawn from max(0, p − q)
    /// (Leviathan, Kalman and Matias, 2023). Where the choice is certain, the draft is kept if it is that token.
    /// </summary>
    /// <param name="logits">[vocabulary] of the model.</param>
    /// <param name="position">Where in its sequence the token will stand, for messages.</param>
    /// <param name="drafted">What <see cref="Draft"/> gave, with the same options.</param>
    /// <param name="proposed">What it wrote.</param>
    /// <param name="token">The token.</param>
    /// <returns>Whether it is the drafted one.</returns>
    public bool Check(ReadOnlySpan<float> logits, int position, int drafted, ReadOnlySpan<double> proposed, out int token)
    {
        int best = Best(logits, position);
        token = best;
        if (IsCertain(logits[best])) return best == drafted;
        (int count, double total) = Choose(logits, logits[best]);
        double wanted = 0, rest = 0;
        for (int i = 0; i < count; i++)
        {
            ref Candidate candidate = ref _candidates[i];
            double probability = candidate.Weight / total;
            if (candidate.Token == drafted) wanted = probability;
            candidate.Weight = Math.Max(0, probability - proposed[candidate.Token]);
            rest += candidate.Weight;
        }

        token = drafted;
        // Without a rest the two agree but for rounding.
        if (_random.NextDouble() * proposed[drafted] < wanted || rest == 0) return true;
        token = Draw(count, rest);
        return false;
    }

    /// <summary>Whether it always takes the token of the greatest logit, so that no other logit matters.</summary>
    public bool IsGreedy => _options.Temperature == 0 || _options.TopK == 1;

    /// <summary>Whether the greatest logit leaves nothing to chance.</summary>
    private bool IsCertain(float greatest) => IsGreedy || float.IsPositiveInfinity(greatest);

    /// <summary>The tokens that may come, as the first of the candidates, with their weights.</summary>
    private (int Count, double Total) Choose(ReadOnlySpan<float> logits, float greatest)
    {
        if (_candidates.Length < logits.Length) _candidates = new Candidate[logits.Length];
        int count = _options.TopK is { } k && k < logits.Length ? TakeTop(logits, k) : TakeAll(logits);
        double total = Weigh(count, greatest);
        if (_options.TopP < 1) (count, total) = KeepNucleus(count, total);
        if (_options.MinP > 0) (count, total) = KeepLikely(count);
        return (count, total);
    }

    /// <summary>The token of the greatest logit, the lowest among equals; logits are numbers.</summary>
    internal static int Greatest(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
            if (logits[i] > logits[best]) best = i;
        return best;
    }

    /// <summary>The token of the greatest logit, the lowest among equals.</summary>
    private static int Best(ReadOnlySpan<float> logits, int position)
    {
        int best = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            if (float.IsNaN(logits[i])) throw new SinterException($"No token can be chosen for position {position}: the logit of token {i} is not a number.");
            if (logits[i] > logits[best]) best = i;
        }

        if (logits.IsEmpty || float.IsNegativeInfinity(logits[best])) throw new SinterException($"No token can be chosen for position {position}: no logit is finite.");
        return best;
    }

    private int TakeAll(ReadOnlySpan<float> logits)
    {
        for (int i = 0; i < logits.Length; i++) _candidates[i] = new Candidate(i, logits[i]);
        return logits.Length;
    }

    /// <summary>The k most likely, by a heap that has the least of them on top.</summary>
    private int TakeTop(ReadOnlySpan<float> logits, int k)
    {
        for (int i = 0; i < k; i++) _candidates[i] = new Candidate(i, logits[i]);
        for (int i = k / 2 - 1; i >= 0; i--) Sink(i, k);
        for (int i = k; i < logits.Length; i++)
        {
            // An equal logit of a higher token number comes later, so it does not get in.
            if (logits[i] <= _candidates[0].Logit) continue;
            _candidates[0] = new Candidate(i, logits[i]);
            Sink(0, k);
        }

        return k;
    }

    private void Sink(int at, int count)
    {
        while (true)
        {
            int last = at, left = 2 * at + 1, right = left + 1;
            if (left < count && _candidates[left].CompareTo(_candidates[last]) > 0) last = left;
            if (right < count && _candidates[right].CompareTo(_candidates[last]) > 0) last = right;
            if (last == at) return;
            (_candidates[at], _candidates[last]) = (_candidates[last], _candidates[at]);
            at = last;
        }
    }

    private double Weigh(int count, float greatest)
    {
        double total = 0;
        for (int i = 0; i < count; i++)
        {
            ref Candidate candidate = ref _candidates[i];
            candidate.Weight = Math.Exp(((double)candidate.Logit - greatest) / _options.Temperature);
            total += candidate.Weight;
        }

        return total;
    }

    private (int Count, double Total) KeepNucleus(int count, double total)
    {
        // All tokens below this floor have less than 1 − p together, so the nucleus is full without them and need not be
        // found by sorting them.
        double floor = total * (1 - _options.TopP) / count;
        int kept = 0;
        for (int i = 0; i < count; i++)
            if (_candidates[i].Weight >= floor) _candidates[kept++] = _candidates[i];
        _candidates.AsSpan(0, kept).Sort();
        double sum = 0;
        for (int i = 0; i < kept; i++)
        {
            sum += _candidates[i].Weight;
            if (sum >= total * _options.TopP) return (i + 1, sum);
        }

        return (kept, sum);
    }

    private (int Count, double Total) KeepLikely(int count)
    {
        int kept = 0;
        double total = 0;
        for (int i = 0; i < count; i++)
        {
            // The most likely token weighs 1.
            if (_candidates[i].Weight < _options.MinP) continue;
            total += _candidates[i].Weight;
            _candidates[kept++] = _candidates[i];
        }

        return (kept, total);
    }

    private int Draw(int count, double total)
    {
        double rest = _random.NextDouble() * total;
        int last = 0;
        for (int i = 0; i < count; i++)
        {
            if (_candidates[i].Weight == 0) continue;
            last = i;
            rest -= _candidates[i].Weight;
            if (rest < 0) break;
        }

        return _candidates[last].Token;
    }
}
