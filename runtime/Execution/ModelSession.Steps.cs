using System;
using Sinter.Runtime.Sampling;
using Sinter.Runtime.Weights;

namespace Sinter.Runtime.Execution;

/// <summary>Batches cut into steps, and the steps run.</summary>
public sealed unsafe partial class ModelSession
{
    /// <summary>How many rows of logits a batch gives.</summary>
    public static int CountLogitRows(ReadOnlySpan<SequenceTokens> batch, LogitRows rows)
    {
        int count = 0;
        foreach (SequenceTokens item in batch) count += LogitsOf(item.Tokens.Length, item.Tokens.Length, item.Rows ?? rows);
        return count;
    }

    /// <summary>Appends tokens to one sequence.</summary>
    /// <returns>[vocabulary] the logits after the last token; valid until the next call.</returns>
    /// <exception cref="SinterException">A token is out of range, the sequence grows too long, or the logits are not numbers.</exception>
    public ReadOnlySpan<float> Forward(int sequence, ReadOnlyMemory<int> tokens)
    {
        var logits = new Span<float>(_oneRow, _description.VocabularySize);
        var item = new SequenceTokens(sequence, tokens);
        Forward(new ReadOnlySpan<SequenceTokens>(in item), logits);
        return logits;
    }

    /// <summary>The same where only the greedy choice is wanted, which a device makes by itself.</summary>
    /// <returns>The token of the greatest logit, the lowest among equals.</returns>
    /// <exception cref="SinterException">A token is out of range, the sequence grows too long, or the logits are not numbers.</exception>
    public int ForwardGreedily(int sequence, ReadOnlyMemory<int> tokens)
    {
        int chosen = 0;
        var item = new SequenceTokens(sequence, tokens);
        ForwardGreedily(new ReadOnlySpan<SequenceTokens>(in item), new Span<int>(ref chosen));
        return chosen;
    }

    /// <summary>Appends tokens to several sequences, in as few steps as there is room for.</summary>
    /// <param name="batch">Each sequence at most once.</param>
    /// <param name="logits">[<see cref="CountLogitRows"/>, vocabulary], in the batch's order.</param>
    /// <param name="rows">Which tokens logits are wanted for.</param>
    /// <exception cref="SinterException">A token is out of range, a sequence grows too long, or the logits are not numbers.</exception>
    public void Forward(ReadOnlySpan<SequenceTokens> batch, Span<float> logits, LogitRows rows = LogitRows.Last)
        => Run(batch, logits, rows, StepKind.Forward);

    /// <summary>
    /// The same where only the greedy choice is wanted: the token of the greatest logit, the lowest among equals. A device
    /// chooses by itself, so that no logits are copied.
    /// </summary>
    /// <param name="batch">Each sequence at most once.</param>
    /// <param name="chosen">[<see cref="CountLogitRows"/>] tokens, in the batch's order.</param>
    /// <param name="rows">After which tokens one is chosen.</param>
    /// <exception cref="SinterException">A token is out of range, a sequence grows too long, or the logits are not numbers.</exception>
    public void ForwardGreedily(ReadOnlySpan<SequenceTokens> batch, Span<int> chosen, LogitRows rows = LogitRows.Last)
        => RunGreedily(batch, chosen, rows, StepKind.Forward);

    /// <summary>
    /// Predicts the token after the next one (DeepSeek-V3 report, 2.2): goes on from the hidden states of the last step
    /// of <see cref="Forward(ReadOnlySpan{SequenceTokens}, Span{float}, LogitRows)"/>, at the first position that has not been predicted from.
    /// </summary>
    /// <param name="next">For each sequence the tokens one place after those positions.</param>
    /// <param name="logits">[<see cref="CountLogitRows"/>, vocabulary], in the order of <paramref name="next"/>.</param>
    /// <param name="rows">Which tokens logits are wanted for.</param>
    /// <exception cref="SinterException">The checkpoint has no prediction layer, a token is out of range, or the hidden states are no longer there.</exception>
    public void Predict(ReadOnlySpan<SequenceTokens> next, Span<float> logits, LogitRows rows = LogitRows.Last)
        => Run(next, logits, rows, StepKind.Predict);

    /// <summary>The same where only the greedy choice is wanted, as in <see cref="ForwardGreedily(ReadOnlySpan{SequenceTokens}, Span{int}, LogitRows)"/>.</summary>
    public void PredictGreedily(ReadOnlySpan<SequenceTokens> next, Span<int> chosen, LogitRows rows = LogitRows.Last)
        => RunGreedily(next, chosen, rows, StepKind.Predict);

    /// <summary>
    /// Predicts one token further by applying the prediction layer to its own hidden states: those of the last row of
    /// <see cref="Predict(ReadOnlySpan{SequenceTokens}, Span{float}, LogitRows)"/>, or of the call before this one. The
    /// positions that this fills are drafts: the next call of Predict or Forward overwrites them.
    /// </summary>
    /// <param name="drafted">For each sequence the one token that was drafted last.</param>
    /// <param name="logits">[sequences of <paramref name="drafted"/>, vocabulary].</param>
    /// <exception cref="SinterException">The model's prediction gives no hidden states, or there is nothing to go on from.</exception>
    public void PredictFurther(ReadOnlySpan<SequenceTokens> drafted, Span<float> logits)
        => Run(drafted, logits, LogitRows.Last, StepKind.Further);

    /// <summary>The same where only the greedy choice is wanted, as in <see cref="ForwardGreedily(ReadOnlySpan{SequenceTokens}, Span{int}, LogitRows)"/>.</summary>
    public void PredictFurtherGreedily(ReadOnlySpan<SequenceTokens> drafted, Span<int> chosen)
        => RunGreedily(drafted, chosen, LogitRows.Last, StepKind.Further);

    internal void Run(ReadOnlySpan<SequenceTokens> batch, Span<float> logits, LogitRows rows, StepKind kind)
    {
        Require(kind);
        Check(batch, logits, rows, kind);
        RunSteps(batch, rows, kind, logits, default);
    }

    internal void RunGreedily(ReadOnlySpan<SequenceTokens> batch, Span<int> chosen, LogitRows rows, StepKind kind)
    {
        Require(kind);
        int wanted = CountLogitRows(batch, rows);
        if (chosen.Length < wanted) throw new ArgumentException($"{wanted} tokens are wanted, but there is room for {chosen.Length}.", nameof(chosen));
        Check(batch, kind);
        long room = _execution.Chooses ? 0 : (long)wanted * _description.VocabularySize;
        if (_compared.Length < room) _compared = new float[room];
        RunSteps(batch, rows, kind, _compared, chosen);
    }

    private void RunSteps(ReadOnlySpan<SequenceTokens> batch, LogitRows rows, StepKind kind, Span<float> logits, Span<int> chosen)
    {
        fixed (float* start = logits)
        fixed (int* choices = chosen)
        {
            int item = 0, done = 0, written = 0;
            while (item < batch.Length) RunStep(batch, rows, kind, start, choices, ref item, ref done, ref written);
        }
    }

    private void Require(StepKind kind)
    {
        if (kind != StepKind.Forward) RequirePrediction();
        if (kind == StepKind.Further && !_description.PredictsAgain) throw new SinterException($"{_description.Name} predicts one token only: its prediction gives no hidden states to go on from.");
    }

    private void RequirePrediction()
    {
        if (!Predicts) throw new SinterException($"{_description.Name} cannot predict further tokens: {(_description.Predicts ? "the checkpoint lacks the tensors of multi-token prediction" : "the model has no such layer")}.");
    }

    /// <summary>
    /// Appends tokens to one sequence, chunk by chunk, and predicts from each of them: what
    /// <see cref="Predict(ReadOnlySpan{SequenceTokens}, Span{float}, LogitRows)"/> alone can do for the last chunk only.
    /// </summary>
    /// <param name="sequence">A sequence that has been predicted from at every position so far.</param>
    /// <param name="tokens">Tokens to append.</param>
    /// <param name="next">The tokens one place further on: as many, or one less where the last one's successor is not known yet.</param>
    /// <param name="logits">[rows of <paramref name="tokens"/>, vocabulary].</param>
    /// <param name="predicted">[rows of <paramref name="next"/>, vocabulary].</param>
    /// <param name="rows">Which tokens logits are wanted for.</param>
    public void ForwardAndPredict(int sequence, ReadOnlyMemory<int> tokens, ReadOnlyMemory<int> next, Span<float> logits, Span<float> predicted, LogitRows rows = LogitRows.Last)
    {
        if (next.Length != tokens.Length && next.Length != tokens.Length - 1) throw new ArgumentException("There must be as many next tokens as tokens, or one less.", nameof(next));
        int vocabulary = _description.VocabularySize;
        for (int from = 0; from < tokens.Length; from += MaxTokensPerStep)
        {
            int to = Math.Min(from + MaxTokensPerStep, tokens.Length), nextTo = Math.Min(to, next.Length);
            LogitRows chunkRows = rows == LogitRows.Last && to < tokens.Length ? LogitRows.None : rows;
            int offset = rows == LogitRows.All ? from * vocabulary : 0;
            var chunk = new SequenceTokens(sequence, tokens[from..to]);
            Forward(new ReadOnlySpan<SequenceTokens>(in chunk), logits[offset..], chunkRows);
            if (nextTo <= from) continue;
            var nextChunk = new SequenceTokens(sequence, next[from..nextTo]);
            LogitRows nextRows = rows == LogitRows.Last && nextTo < next.Length ? LogitRows.None : rows;
            Predict(new ReadOnlySpan<SequenceTokens>(in nextChunk), predicted[offset..], nextRows);
        }
    }

    /// <summary>Rows of logits that <paramref name="count"/> tokens give of which the last is <paramref name="left"/> from the end.</summary>
    private static int LogitsOf(int count, int left, LogitRows rows) => rows switch
    {
        LogitRows.All => count,
        LogitRows.Last when left == count => 1,
        _ => 0,
    };

    /// <summary>One step: as many of the batch's tokens, from <paramref name="done"/> of <paramref name="item"/> on, as there is room for.</summary>
    private void RunStep(ReadOnlySpan<SequenceTokens> batch, LogitRows rows, StepKind kind, float* logits, int* chosen, ref int item, ref int done, ref int written)
    {
        bool isPrediction = kind != StepKind.Forward;
        _step.Clear();
        if (!isPrediction) ForgetHidden();
        while (item < batch.Length && _step.Tokens < _sizes.Tokens)
        {
            ReadOnlySpan<int> tokens = batch[item].Tokens.Span[done..];
            ref SequenceState state = ref _sequences[batch[item].Sequence];
            int position = isPrediction ? state.Predicted : state.Length, row = _step.Tokens;
            if (kind == StepKind.Further) position += state.Ahead;
            int count = Math.Min(tokens.Length, _sizes.Tokens - row);
            // Keys and values of one step must fit the expansion buffer where expansion is demanded.
            if (_order == AttentionOrder.Expanded && row > 0 && _step.Keys + position + count > _sizes.Keys) break;
            int wanted = LogitsOf(count, tokens.Length, batch[item].Rows ?? rows);
            _step.WantLogits(row + count - wanted, wanted);
            if (isPrediction)
            {
                Span<int> next = new(_step.NextIds + row, count);
                tokens[..count].CopyTo(next);
                if (kind == StepKind.Further)
                {
                    _execution.CopyHidden(HiddenRows.Further, batch[item].Sequence, HiddenRows.Prediction, row, 1);
                    state.Ahead++;
                }
                else
                {
                    _execution.CopyHidden(HiddenRows.Main, state.HiddenRow + position - state.HiddenPosition, HiddenRows.Prediction, row, count);
                    state.Predicted += count;
                    state.Ahead = 0;
                }
            }
            else
            {
                state.Ahead = 0;
                state.CanGoFurther = false;
                (state.HiddenRow, state.HiddenCount, state.HiddenPosition) = (row, count, position);
                state.Length += count;
            }

            _step.Add(batch[item].Sequence, tokens[..count], position);
            done += count;
            if (count < tokens.Length) break;
            item++;
            done = 0;
        }

        _pass.Step.NextIds = isPrediction ? _step.NextIds : null;
        Run(isPrediction, logits, chosen, ref written);
        if (!isPrediction || !_description.PredictsAgain) return;
        for (int i = 0; i < _step.Sequences; i++)
        {
            ref SequenceRange range = ref _step.Ranges[i];
            _execution.CopyHidden(HiddenRows.Prediction, range.First + range.Count - 1, HiddenRows.Further, range.Slot, 1);
            _sequences[range.Slot].CanGoFurther = true;
        }
    }

    /// <summary>The next step overwrites the hidden states.</summary>
    private void ForgetHidden()
    {
        for (int slot = 0; slot < _sequences.Length; slot++) _sequences[slot].HiddenCount = 0;
    }

    private void Run(bool isPrediction, float* logits, int* chosen, ref int written)
    {
        int vocabulary = _description.VocabularySize;
        _pass.Step.Tokens = _step.Tokens;
        _pass.Step.Sequences = _step.Sequences;
        _pass.Step.Keys = _step.Keys;
        _pass.LogitRowCount = _step.LogitRowCount;
        _pass.Logits = logits + (long)written * vocabulary;
        _pass.Chosen = chosen != null && _execution.Chooses ? chosen + written : null;
        _pass.Order = _order == AttentionOrder.Cheapest && (_step.Keys > _sizes.Keys || GoesOn()) ? AttentionOrder.Absorbed : _order;
        try
        {
            _execution.Run(ref _pass, isPrediction);
        }
        catch
        {
            Forget();
            throw;
        }

        int bad = BadRow();
        if (bad >= 0) throw NotANumber(_step.LogitRows[bad]);
        if (chosen != null && _pass.Chosen == null)
        {
            for (int row = 0; row < _step.LogitRowCount; row++)
                chosen[written + row] = Sampler.Greatest(new ReadOnlySpan<float>(_pass.Logits + (long)row * vocabulary, vocabulary));
        }

        written += _step.LogitRowCount;
    }

    /// <summary>The first row with a logit that is not finite; -1 without.</summary>
    private int BadRow()
    {
        if (_pass.Chosen != null) return new ReadOnlySpan<int>(_pass.Chosen, _step.LogitRowCount).IndexOf(-1);
        int vocabulary = _description.VocabularySize;
        return FiniteScan.FirstNonFinite(_pass.Logits, (long)_step.LogitRowCount * vocabulary) is var at and >= 0 ? (int)(at / vocabulary) : -1;
    }

    /// <summary>
    /// Whether the step adds few tokens to what the caches hold. Such steps all run in one order of attention, in which
    /// the cost model nearly always puts them too, so that a token's numbers do not depend on how many others are checked with it.
    /// </summary>
    private bool GoesOn()
    {
        for (int i = 0; i < _step.Sequences; i++)
        {
            ref SequenceRange range = ref _step.Ranges[i];
            if (range.Count > MostCheckedTokens || range.Count == range.Length) return false;
        }

        return true;
    }

    /// <summary>After a failed step its positions hold nothing: takes them back.</summary>
    private void Forget()
    {
        bool isPrediction = _pass.Step.NextIds is not null;
        for (int i = 0; i < _step.Sequences; i++)
        {
            ref SequenceState state = ref _sequences[_step.Ranges[i].Slot];
            int before = _step.Ranges[i].Length - _step.Ranges[i].Count;
            state.Ahead = 0;
            state.CanGoFurther = false;
            if (isPrediction)
            {
                state.Predicted = Math.Min(state.Predicted, before);
                continue;
            }

            state.Length = before;
            state.HiddenCount = 0;
        }
    }

    private SinterException NotANumber(int row)
    {
        int token = _step.TokenIds[row], position = _step.Positions[row];
        string cause = _weights.FindNotANumber() is { } weight ? weight.ToString() : "all weights are finite, so the numbers overflowed on the way";
        return new SinterException($"The logits after token {token} at position {position} are not finite numbers: {cause}.");
    }

    private void Check(ReadOnlySpan<SequenceTokens> batch, Span<float> logits, LogitRows rows, StepKind kind)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        long wanted = (long)CountLogitRows(batch, rows) * _description.VocabularySize;
        if (logits.Length < wanted) throw new ArgumentException($"{wanted} logits are wanted, but there is room for {logits.Length}.", nameof(logits));
        Check(batch, kind);
    }

    private void Check(ReadOnlySpan<SequenceTokens> batch, StepKind kind)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        foreach (SequenceTokens item in batch) State(item.Sequence).Seen = false;
        foreach (SequenceTokens item in batch)
        {
            ref SequenceState state = ref State(item.Sequence);
            if (state.Seen) throw new ArgumentException($"Sequence {item.Sequence} stands twice in the batch.", nameof(batch));
            state.Seen = true;
            CheckTokens(item.Tokens.Span);
            if (kind == StepKind.Predict) CheckPrediction(item, in state);
            else if (kind == StepKind.Further) CheckFurther(item, in state);
            else CheckLength(item, state.Length);
        }
    }

    internal void CheckTokens(ReadOnlySpan<int> tokens)
    {
        if (tokens.Length == 0) throw new SinterException("There are no tokens; a sequence needs at least one.");
        for (int i = 0; i < tokens.Length; i++)
        {
            if ((uint)tokens[i] >= (uint)_description.VocabularySize)
                throw new SinterException($"Token {tokens[i]} (number {i + 1} of {tokens.Length}) is out of range: {_description.Name} has the tokens 0 to {_description.VocabularySize - 1}.");
        }
    }

    private void CheckLength(SequenceTokens item, int length)
    {
        long end = (long)length + item.Tokens.Length;
        if (end > Capacity)
        {
            string there = length == 0 ? "" : $" after the {length} that are there";
            string limit = Capacity == _description.MaxPositions ? $"the {Capacity} that {_description.Name} was made for" : $"the session's {nameof(Capacity)} of {Capacity}";
            throw new SinterException($"The sequence is too long: {item.Tokens.Length} tokens{there} are more than {limit}.");
        }

        if (_order == AttentionOrder.Expanded && _description.PositionBytes > 0 && end > _sizes.Keys)
            throw new SinterException($"Expanded attention over {end} positions is more than the session's {nameof(SessionOptions.ExpandedPositions)} of {_sizes.Keys}.");
    }

    private static void CheckPrediction(SequenceTokens item, in SequenceState state)
    {
        int end = state.HiddenPosition + state.HiddenCount;
        if (state.Predicted < state.HiddenPosition || state.Predicted + item.Tokens.Length > end)
        {
            throw new SinterException(
                $"Sequence {item.Sequence} cannot be predicted from at the positions {state.Predicted} to {state.Predicted + item.Tokens.Length - 1}: "
                + (state.HiddenCount == 0 ? "no hidden states are left." : $"hidden states are left of the positions {state.HiddenPosition} to {end - 1}."));
        }
    }

    private void CheckFurther(SequenceTokens item, in SequenceState state)
    {
        if (item.Tokens.Length != 1) throw new ArgumentException("Prediction goes further by one token at a time.");
        if (!state.CanGoFurther) throw new SinterException($"Sequence {item.Sequence} cannot be predicted from any further: nothing was predicted since its last token.");
        CheckLength(item, state.Predicted + state.Ahead);
    }
}
