using System;
using System.Linq;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;
using Xunit;

namespace Sinter.Runtime.Tests.Execution;

public sealed class FurtherPredictionTests
{
    private const int V = CountingProgram.Vocabulary;

    [Fact]
    public void Predicts_further_from_its_own_hidden_states()
    {
        using var folder = new TemporaryFolder();
        CountingProgram.WriteCheckpoint(folder.Path);
        var program = new CountingProgram();
        using WeightTable weights = WeightTable.Bind(program.Description, Checkpoint.Open(folder.Path));
        using ModelSession session = ModelSession.Open(program, weights, new() { MaxSequences = 3, Threads = 2 });
        int[] first = Tokens(5, 1), second = Tokens(9, 2);
        int one = session.AddSequence(), two = session.AddSequence();
        var logits = new float[2 * V];
        session.Forward([new(one, first), new(two, second)], logits);
        Assert.Equal(
            $"Sequence {one} cannot be predicted from any further: nothing was predicted since its last token.",
            Assert.Throws<SinterException>(() => session.PredictFurther([new(one, new[] { 1 })], logits)).Message);
        session.Predict([new(one, (int[])[.. first[1..], 11]), new(two, (int[])[.. second[1..], 12])], logits);

        // Each time one more is added to what the main model's hidden state held.
        int[] oneNext = [.. first[1..], 11, 21, 31], twoNext = [.. second[1..], 12, 22];
        session.PredictFurther([new(two, new[] { 22 }), new(one, new[] { 21 })], logits);
        Assert.Equal((CountingProgram.Predicted(second, twoNext) + 1) % V, Best(logits.AsSpan(0, V)));
        Assert.Equal((CountingProgram.Predicted(first, oneNext[..6]) + 1) % V, Best(logits.AsSpan(V, V)));
        session.PredictFurther([new(one, new[] { 31 })], logits);
        Assert.Equal((CountingProgram.Predicted(first, oneNext) + 2) % V, Best(logits.AsSpan(0, V)));

        // What was drafted is overwritten by what was said.
        Assert.Equal((5, 5), (session.Length(one), session.PredictedLength(one)));
        session.Forward([new(one, new[] { 11, 40 })], logits);
        session.Predict([new(one, new[] { 40, 50 })], logits);
        Assert.Equal(CountingProgram.Predicted([.. first, 11, 40], [.. first[1..], 11, 40, 50]), Best(logits.AsSpan(0, V)));
    }

    private static int[] Tokens(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(V))];
    }

    private static int Best(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
            if (logits[i] > logits[best]) best = i;
        return best;
    }
}
