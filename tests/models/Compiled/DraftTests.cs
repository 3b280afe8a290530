using System.Linq;
using Sinter.Models.Tests.Golden;
using Sinter.Runtime.Execution;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Models.Tests.Compiled;

/// <summary>Multi-token prediction of the trained model on whole texts: position j guesses token j + 2.</summary>
public sealed class DraftTests
{
    private static readonly TensorFile s_text = new(Repository.Data("tiny-trained", "text_golden.safetensors"));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Drafts_what_the_reference_drafts(int prompt)
    {
        using var checkpoint = new CompiledCheckpoint("tiny-trained");
        using ModelSession session = checkpoint.Open(threads: 2);
        int[] ids = s_text[$"prompt.{prompt}.ids"].Integers;
        int[] text = [.. ids, .. s_text[$"prompt.{prompt}.greedy"].Integers];
        int count = text.Length - 1, vocabulary = checkpoint.Description.VocabularySize;
        var logits = new float[count * vocabulary];
        var predicted = new float[count * vocabulary];
        session.ForwardAndPredict(session.AddSequence(), text[..count], text[1..], logits, predicted, LogitRows.All);

        int[] expected = s_text[$"prompt.{prompt}.mtp_draft"].Integers;
        Assert.Equal(expected, Enumerable.Range(ids.Length - 1, expected.Length).Select(position =>
            Enumerable.Range(0, vocabulary).MaxBy(token => predicted[position * vocabulary + token])));

        if (!s_text.Has($"prompt.{prompt}.logits")) return;
        double tolerance = new GoldenValues("tiny-trained").Tolerance;
        GoldenCheck.NearStart(s_text[$"prompt.{prompt}.logits"].Numbers, logits, tolerance, "logits");
        GoldenCheck.NearStart(s_text[$"prompt.{prompt}.mtp_logits"].Numbers, predicted, tolerance, "logits of multi-token prediction");
    }
}
