using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Generation;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Models.Tests.Compiled;

/// <summary>Multi-token decoding: several tokens checked at once give the numbers of one at a time, so drafts change nothing but the speed.</summary>
public sealed class DraftedDecodingTests
{
    private static readonly TensorFile s_text = new(Repository.Data("tiny-trained", "text_golden.safetensors"));

    [Theory]
    [InlineData("tiny-v3", 1)]
    [InlineData("tiny-v3", 2)]
    [InlineData("tiny-v3-yarn", 2)]
    [InlineData("tiny-v3-noqlora-sharded", 2)]
    [InlineData("tiny-trained", 2)]
    [InlineData("tiny-trained-fp8", 2)]
    public void Tokens_checked_together_give_bit_for_bit_the_logits_of_one_at_a_time(string name, int threads)
    {
        using var checkpoint = new CompiledCheckpoint(name);
        using ModelSession session = checkpoint.Open(threads: threads, sequences: 2);
        int vocabulary = session.Description.VocabularySize, capacity = Math.Min(session.Capacity, 200);
        var random = new Random(31);
        int[] text = [.. Enumerable.Range(0, capacity).Select(_ => random.Next(vocabulary))];
        foreach (int prompt in new[] { 1, 2, 9, 40 })
        {
            int single = session.AddSequence(), grouped = session.AddSequence();
            session.Forward(single, text.AsMemory(0, prompt));
            session.Forward(grouped, text.AsMemory(0, prompt));
            for (int from = prompt; from < text.Length;)
            {
                int count = Math.Min(random.Next(1, ModelSession.MostCheckedTokens + 1), text.Length - from);
                var together = new float[count * vocabulary];
                session.Forward([new SequenceTokens(grouped, text.AsMemory(from, count))], together, LogitRows.All);
                for (int i = 0; i < count; i++, from++)
                    Assert.True(session.Forward(single, text.AsMemory(from, 1)).SequenceEqual(together.AsSpan(i * vocabulary, vocabulary)), $"position {from}, {i} of {count}");
            }

            session.Release(single);
            session.Release(grouped);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public async Task Drafts_leave_the_golden_texts_as_they_are(int depth)
    {
        using TinyTrained model = TinyTrained.Load(Repository.TinyTrained);
        for (int prompt = 0; prompt < 5; prompt++)
        {
            int[] expected = s_text[$"prompt.{prompt}.greedy"].Integers;
            (List<int> tokens, GenerationStatistics statistics) = await Generate(model, s_text[$"prompt.{prompt}.ids"].Integers, new() { MaxTokens = expected.Length, Draft = depth });
            Assert.Equal(expected, tokens);
            Assert.Equal(expected.Length - 1, statistics.Passes + statistics.AcceptedTokens);
            Assert.InRange(statistics.TokensPerPass, 1.3, 1 + depth);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Drafts_are_kept_where_the_reference_drafts_what_it_says_next(int prompt)
    {
        int[] ids = s_text[$"prompt.{prompt}.ids"].Integers, greedy = s_text[$"prompt.{prompt}.greedy"].Integers, drafts = s_text[$"prompt.{prompt}.mtp_draft"].Integers;
        int passes = 0, accepted = 0;
        for (int known = 1; known < greedy.Length; passes++)
        {
            // With the first `known` tokens said, the draft is the one for the token after the next.
            bool drafted = known + 1 < greedy.Length, kept = drafted && drafts[known - 1] == greedy[known];
            if (kept) accepted++;
            known += kept ? 2 : 1;
        }

        using TinyTrained model = TinyTrained.Load(Repository.TinyTrained);
        (_, GenerationStatistics statistics) = await Generate(model, ids, new() { MaxTokens = greedy.Length, Draft = 1 });
        Assert.Equal((passes, accepted), (statistics.Passes, statistics.AcceptedTokens));
    }

    [Theory]
    [InlineData("tiny-v3", 1)]
    [InlineData("tiny-v3", 3)]
    [InlineData("tiny-v3-yarn", 7)]
    [InlineData("tiny-trained-fp8", 2)]
    public async Task Random_prompts_go_on_token_for_token_as_without_drafts(string name, int depth)
    {
        using LanguageModel model = LanguageModel.Open(CompiledPrograms.Of(name), Repository.Checkpoint(name));
        var random = new Random(5);
        for (int round = 0; round < 6; round++)
        {
            int[] prompt = [.. Enumerable.Range(0, random.Next(1, 30)).Select(_ => random.Next(model.Description.VocabularySize))];
            var options = new GenerationOptions { MaxTokens = 60, StopsAtEndOfSequence = false };
            (List<int> plain, GenerationStatistics without) = await Generate(model, prompt, options with { Draft = 0 });
            (List<int> drafted, GenerationStatistics with) = await Generate(model, prompt, options with { Draft = depth });
            Assert.Equal(plain, drafted);
            Assert.Equal((without.Reason, 0), (with.Reason, without.DraftedTokens));
            Assert.True(with.DraftedTokens > 0);
        }
    }

    [Fact]
    public async Task Generations_that_draft_share_steps_with_those_that_do_not()
    {
        using TinyTrained model = TinyTrained.Load(Repository.TinyTrained, new() { MaxSequences = 3, MaxTokensPerStep = 16 });
        IEnumerable<Task> all = Enumerable.Range(0, 10).Select(async i =>
        {
            int[] expected = s_text[$"prompt.{i % 5}.greedy"].Integers;
            (List<int> tokens, _) = await Task.Run(() => Generate(model, s_text[$"prompt.{i % 5}.ids"].Integers, new() { MaxTokens = expected.Length, Draft = i % 4 }));
            Assert.Equal(expected, tokens);
        });
        await Task.WhenAll(all);
    }

    private static async Task<(List<int> Tokens, GenerationStatistics Statistics)> Generate(LanguageModel model, int[] prompt, GenerationOptions options)
    {
        List<int> tokens = [];
        GenerationStatistics? statistics = null;
        await foreach (GeneratedToken token in model.GenerateTokensAsync(prompt, options))
        {
            tokens.Add(token.Token);
            statistics = token.Statistics;
        }

        return (tokens, statistics!);
    }
}
