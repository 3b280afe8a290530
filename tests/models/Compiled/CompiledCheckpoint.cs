using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;
using Sinter.Tests.Data;

namespace Sinter.Models.Tests.Compiled;

/// <summary>A checkpoint with its compiled program, ready to run.</summary>
internal sealed class CompiledCheckpoint : IDisposable
{
    private readonly Checkpoint _checkpoint;
    private readonly WeightTable _weights;
    private readonly ModelProgram _program;

    /// <param name="wrap">What to run in the place of the compiled program.</param>
    public CompiledCheckpoint(string name, Func<ModelProgram, ModelProgram>? wrap = null)
    {
        ModelProgram program = CompiledPrograms.Of(name);
        _program = wrap is null ? program : wrap(program);
        _checkpoint = Checkpoint.Open(Repository.Checkpoint(name));
        _weights = WeightTable.Bind(_program.Description, _checkpoint);
    }

    public ModelDescription Description => _program.Description;

    public ModelSession Open(AttentionOrder order = AttentionOrder.Cheapest, int chunk = 512, int threads = 1, int sequences = 1) =>
        ModelSession.Open(_program, _weights, new SessionOptions { AttentionOrder = order, MaxTokensPerStep = chunk, Threads = threads, MaxSequences = sequences });

    /// <summary>Appends tokens to a sequence; all their logits.</summary>
    public static double[] Forward(ModelSession session, int sequence, int[] tokens)
    {
        var logits = new float[tokens.Length * session.Description.VocabularySize];
        session.Forward([new SequenceTokens(sequence, tokens)], logits, LogitRows.All);
        return [.. logits.Select(number => (double)number)];
    }

    /// <summary>The continuation that takes the likeliest token every time.</summary>
    public static List<int> Greedy(ModelSession session, int[] prompt, int count)
    {
        int sequence = session.AddSequence();
        List<int> tokens = [];
        int[] next = prompt;
        while (tokens.Count < count)
        {
            ReadOnlySpan<float> logits = session.Forward(sequence, next);
            int best = 0;
            for (int i = 1; i < logits.Length; i++)
            {
                if (logits[i] > logits[best]) best = i;
            }

            tokens.Add(best);
            next = [best];
        }

        session.Release(sequence);
        return tokens;
    }

    public void Dispose()
    {
        _weights.Dispose();
        _checkpoint.Dispose();
    }
}
