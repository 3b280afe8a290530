using System;
using System.Threading;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Text;

namespace Sinter.Runtime.Evaluation;

/// <summary>Runs a text through a model, row after row, and adds up what each token cost.</summary>
public sealed class TextEvaluator
{
    private readonly ModelSession _session;
    private readonly ModelTokenizer _tokenizer;
    private readonly int _chunk;
    private readonly float[] _logits;
    private readonly float[] _predicted;
    private long _tokens, _bytes, _predictions, _accepted, _drafts;
    private double _sum, _predictedSum;

    /// <param name="session">With room for a row.</param>
    public TextEvaluator(ModelSession session, ModelTokenizer tokenizer)
    {
        (_session, _tokenizer) = (session, tokenizer);
        _chunk = Math.Min(session.MaxTokensPerStep, session.Capacity);
        _logits = new float[_chunk * session.Description.VocabularySize];
        _predicted = new float[session.Predicts ? _logits.Length : 0];
    }

    /// <summary>What all rows so far gave together.</summary>
    public TextLoss Result => new(
        _tokens, _sum / _tokens, _bytes,
        _predictions > 0 ? _predictedSum / _predictions : null,
        _drafts > 0 ? (double)_accepted / _drafts : null);

    /// <summary>Adds a row.</summary>
    /// <param name="tokens">Those that the model reads, one more to predict, and one more for multi-token prediction.</param>
    /// <exception cref="SinterException">The row is longer than the session's capacity, or a token beyond the vocabulary.</exception>
    public void Add(ReadOnlyMemory<int> tokens, CancellationToken cancellation = default)
    {
        int read = tokens.Length - 2, vocabulary = _session.Description.VocabularySize;
        ReadOnlySpan<int> all = tokens.Span;
        int sequence = _session.AddSequence();
        try
        {
            int draft = -1;
            for (int from = 0; from < read; from += _chunk)
            {
                cancellation.ThrowIfCancellationRequested();
                int count = Math.Min(_chunk, read - from);
                SequenceTokens[] step = [new SequenceTokens(sequence, tokens.Slice(from, count))];
                _session.Forward(step, _logits, LogitRows.All);
                if (_session.Predicts)
                {
                    step = [new SequenceTokens(sequence, tokens.Slice(from + 1, count))];
                    _session.Predict(step, _predicted, LogitRows.All);
                }

                for (int i = 0; i < count; i++)
                {
                    ReadOnlySpan<float> row = _logits.AsSpan(i * vocabulary, vocabulary);
                    int target = all[from + i + 1];
                    _sum += Cost(row, target);
                    _tokens++;
                    _bytes += _tokenizer.BytesOf(target, skipSpecial: true).Length;
                    if (draft >= 0)
                    {
                        _drafts++;
                        if (IndexOfLargest(row) == draft) _accepted++;
                    }

                    if (!_session.Predicts) continue;
                    ReadOnlySpan<float> ahead = _predicted.AsSpan(i * vocabulary, vocabulary);
                    _predictedSum += Cost(ahead, all[from + i + 2]);
                    _predictions++;
                    draft = IndexOfLargest(ahead);
                }
            }
        }
        finally
        {
            _session.Release(sequence);
        }
    }

    /// <summary>−log of the softmax's entry at the target, in double precision.</summary>
    private static double Cost(ReadOnlySpan<float> logits, int target)
    {
        float most = logits[IndexOfLargest(logits)];
        double sum = 0;
        foreach (float logit in logits) sum += Math.Exp(logit - most);
        return Math.Log(sum) + most - logits[target];
    }

    private static int IndexOfLargest(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
            if (logits[i] > logits[best]) best = i;
        return best;
    }
}
