using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Sinter.Runtime.Generation;
using Sinter.Runtime.Text;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Runtime.Tests.Generation;

public sealed class LanguageModelTests : IDisposable
{
    private const int Vocabulary = 1024;

    private readonly TemporaryFolder _folder = new();

    public LanguageModelTests()
    {
        CountingProgram.WriteCheckpoint(_folder.Path);
        File.WriteAllText(_folder["config.json"], """{"vocab_size": 1024, "eos_token_id": 1}""");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Streams_text_in_whole_characters_and_ends_with_statistics()
    {
        const string Text = "In the beginning 🙂 größer.";
        await using LanguageModel model = Saying(Text);
        var pieces = new List<GeneratedText>();
        await foreach (GeneratedText piece in model.GenerateAsync("A", new() { AddBeginOfSequence = false })) pieces.Add(piece);
        Assert.Equal(Text, string.Concat(pieces.Select(piece => piece.Text)));
        Assert.True(pieces.Count > 3);
        Assert.DoesNotContain(pieces, piece => piece.Text.Contains('\uFFFD') || (piece.Text.Length > 0 && char.IsHighSurrogate(piece.Text[^1])));
        Assert.All(pieces.SkipLast(1), piece => Assert.Null(piece.Statistics));
        GenerationStatistics statistics = pieces[^1].Statistics!;
        Assert.Equal(1, statistics.PromptTokens);
        Assert.Equal(model.Tokenizer!.Encode(Text).Length + 1, statistics.GeneratedTokens);
        Assert.Equal(FinishReason.EndOfSequence, statistics.Reason);
        Assert.True(statistics.PrefillSeconds > 0 && statistics.DecodeSeconds > 0);
    }

    [Theory]
    [InlineData("beginning", "In the ")]
    [InlineData("e begin", "In th")]
    [InlineData("ning God", "In the begin")]
    public async Task Stops_at_a_stop_string_wherever_tokens_cut_it(string stop, string expected)
    {
        await using LanguageModel model = Saying("In the beginning God created");
        (string text, GenerationStatistics statistics) = await Generate(model, new() { StopStrings = ["never", stop], AddBeginOfSequence = false });
        Assert.Equal(expected, text);
        Assert.Equal(FinishReason.StopString, statistics.Reason);
    }

    [Fact]
    public async Task Gives_out_what_only_began_like_a_stop_string()
    {
        await using LanguageModel model = Saying("and so it was");
        (string text, _) = await Generate(model, new() { StopStrings = ["was not"], AddBeginOfSequence = false });
        Assert.Equal("and so it was", text);
    }

    [Fact]
    public async Task Ends_at_the_token_limit_with_the_rest_of_a_character()
    {
        await using LanguageModel model = Saying("🙂🙂");
        int one = model.Tokenizer!.Encode("🙂").Length;
        Assert.True(one > 1);
        (string text, GenerationStatistics statistics) = await Generate(model, new() { MaxTokens = one + 1, AddBeginOfSequence = false });
        Assert.Equal("🙂\uFFFD", text);
        Assert.Equal(FinishReason.MaxTokens, statistics.Reason);
        Assert.Equal(one + 1, statistics.GeneratedTokens);
    }

    [Fact]
    public async Task Ends_at_stop_tokens_and_passes_the_end_of_the_sequence_if_told_to()
    {
        await using LanguageModel model = Saying("In the beginning");
        int stop = model.Tokenizer!.Encode("In the beginning")[1];
        (_, GenerationStatistics statistics) = await Generate(model, new() { StopTokens = [stop], AddBeginOfSequence = false });
        Assert.Equal(FinishReason.StopToken, statistics.Reason);
        Assert.Equal(2, statistics.GeneratedTokens);
        (_, statistics) = await Generate(model, new() { StopsAtEndOfSequence = false, MaxTokens = 100, AddBeginOfSequence = false });
        Assert.Equal(100, statistics.GeneratedTokens);
    }

    [Fact]
    public async Task Puts_the_begin_of_sequence_before_a_text_as_the_tokenizer_says_or_the_caller()
    {
        await using LanguageModel model = Saying("x");
        async Task<int> PromptTokens(bool? begin) => (await Generate(model, new() { AddBeginOfSequence = begin, MaxTokens = 1 })).Statistics.PromptTokens;
        Assert.Equal(1, await PromptTokens(false));
        Assert.Equal(2, await PromptTokens(true));
        Assert.Equal(model.Tokenizer!.AddsBeginOfSequence ? 2 : 1, await PromptTokens(null));
    }

    [Fact]
    public async Task Ends_when_the_context_is_full()
    {
        await using LanguageModel model = Counting(new() { Capacity = 10 });
        (List<int> tokens, GenerationStatistics statistics) = await Tokens(model, [1, 2, 3, 4, 5, 6, 7, 8], new());
        Assert.Equal(Expected([1, 2, 3, 4, 5, 6, 7, 8], 3), tokens);
        Assert.Equal(FinishReason.ContextFull, statistics.Reason);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Generations_at_once_give_what_each_gives_alone(int sequences)
    {
        await using LanguageModel model = Counting(new() { MaxSequences = sequences, MaxTokensPerStep = 16, Threads = 2 });
        IEnumerable<Task> generations = Enumerable.Range(1, 8).Select(async i =>
        {
            int[] prompt = [.. Enumerable.Range(i, 5 * i).Select(token => token % CountingProgram.Vocabulary)];
            (List<int> tokens, GenerationStatistics statistics) = await Task.Run(() => Tokens(model, prompt, new() { MaxTokens = 40 + i, StopsAtEndOfSequence = false }));
            Assert.Equal(Expected(prompt, 40 + i), tokens);
            Assert.Equal(5 * i, statistics.PromptTokens);
        });
        await Task.WhenAll(generations);
    }

    [Fact]
    public async Task Generations_share_steps()
    {
        var program = new CountingProgram();
        int most = 0;
        program.OnStep = pass => most = Math.Max(most, pass.Step.Sequences);
        await using LanguageModel model = LanguageModel.Open(program, _folder.Path, new() { MaxSequences = 4 });
        await Task.WhenAll(Enumerable.Range(0, 4).Select(i => Tokens(model, [i], new() { MaxTokens = 300, StopsAtEndOfSequence = false })));
        Assert.InRange(most, 2, 4);
    }

    [Fact]
    public async Task Cancellation_ends_a_generation_between_tokens_and_frees_its_place()
    {
        await using LanguageModel model = Counting(new());
        using var cancel = new CancellationTokenSource();
        int read = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (GeneratedToken _ in model.GenerateTokensAsync([1], new() { MaxTokens = 300, StopsAtEndOfSequence = false }, cancel.Token))
                if (++read == 5) cancel.Cancel();
        });
        Assert.Equal(5, read);
        Assert.Equal(Expected([3], 4), (await Tokens(model, [3], new() { MaxTokens = 4, StopsAtEndOfSequence = false })).Tokens);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (GeneratedToken _ in model.GenerateTokensAsync([1]).WithCancellation(cancel.Token)) Assert.Fail("Nothing may come.");
        });
    }

    [Fact]
    public async Task A_caller_who_leaves_early_frees_the_place()
    {
        await using LanguageModel model = Counting(new());
        for (int i = 0; i < 5; i++)
        {
            await foreach (GeneratedToken _ in model.GenerateTokensAsync([1], new() { MaxTokens = 300, StopsAtEndOfSequence = false })) break;
        }

        Assert.Equal(Expected([3], 4), (await Tokens(model, [3], new() { MaxTokens = 4, StopsAtEndOfSequence = false })).Tokens);
    }

    [Fact]
    public async Task A_slow_reader_holds_its_generation_up()
    {
        var program = new CountingProgram();
        int steps = 0;
        program.OnStep = _ => Interlocked.Increment(ref steps);
        await using LanguageModel model = LanguageModel.Open(program, _folder.Path);
        int read = 0;
        await foreach (GeneratedToken _ in model.GenerateTokensAsync([1], new() { MaxTokens = 200, StopsAtEndOfSequence = false }))
        {
            if (++read > 1) continue;
            var waited = Stopwatch.StartNew();
            while (Volatile.Read(ref steps) < 33 && waited.Elapsed < TimeSpan.FromSeconds(30)) await Task.Delay(1);
            await Task.Delay(50);
            Assert.Equal(33, Volatile.Read(ref steps));
        }

        Assert.Equal(200, read);
        Assert.Equal(200, steps);
    }

    [Fact]
    public async Task A_failure_inside_comes_out_and_leaves_the_model_usable()
    {
        var program = new CountingProgram { FailIn = 0 };
        await using LanguageModel model = LanguageModel.Open(program, _folder.Path);
        Assert.Equal("Worker 0 failed.", (await Assert.ThrowsAsync<InvalidOperationException>(() => Tokens(model, [1], new()))).Message);
        Assert.Equal(Expected([3], 4), (await Tokens(model, [3], new() { MaxTokens = 4, StopsAtEndOfSequence = false })).Tokens);
    }

    [Fact]
    public async Task Weights_that_are_no_numbers_are_named()
    {
        CountingProgram.WriteCheckpoint(_folder.Path, float.NaN);
        await using LanguageModel model = Counting(new());
        Assert.Equal(
            $"The logits after token 2 at position 1 are not finite numbers: {_folder["model.safetensors"]}: tensor 'shift' holds a value that is not a finite number at [1].",
            (await Assert.ThrowsAsync<SinterException>(() => Tokens(model, [1, 2], new()))).Message);
    }

    [Fact]
    public async Task Disposal_ends_running_generations()
    {
        LanguageModel model = Counting(new());
        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
        {
            await foreach (GeneratedToken _ in model.GenerateTokensAsync([1], new() { MaxTokens = 399, StopsAtEndOfSequence = false })) await model.DisposeAsync();
        });
        await model.DisposeAsync();
        Assert.Throws<ObjectDisposedException>(() => model.GenerateTokensAsync([1]));
    }

    [Fact]
    public async Task Rejects_prompts_and_options_at_once()
    {
        await using LanguageModel model = Counting(new() { Capacity = 10 });
        Assert.Equal("The prompt is empty; a generation needs at least one token to start from.", Error(() => model.GenerateTokensAsync([])));
        Assert.Equal("The prompt has 11 tokens, but Counting takes at most 10 here.", Error(() => model.GenerateTokensAsync(new int[11])));
        Assert.Equal("Token 97 (number 2 of 2) is out of range: Counting has the tokens 0 to 96.", Error(() => model.GenerateTokensAsync([1, 97])));
        Assert.Equal("MaxTokens is 0; it must be at least 1.", Error(() => model.GenerateTokensAsync([1], new() { MaxTokens = 0 })));
        Assert.Equal("Temperature is -1; it must be zero or a positive number.", Error(() => model.GenerateTokensAsync([1], new() { Temperature = -1 })));
        Assert.Equal("StopStrings holds an empty text, which would end every generation at once.", Error(() => model.GenerateTokensAsync([1], new() { StopStrings = [""] })));
        Assert.Equal($"{_folder.Path}: there is no tokenizer.json, so this model takes tokens, not text.", Error(() => model.GenerateAsync("text")));
    }

    [Fact]
    public void Rejects_checkpoints_that_do_not_fit()
    {
        File.WriteAllText(_folder["config.json"], """{"vocab_size": 1000}""");
        Assert.Equal($"{_folder["config.json"]}: vocab_size is 1000, but the model Scripted was compiled with 1024.",
            Error(() => LanguageModel.Open(new ScriptedProgram(Vocabulary, [1]), _folder.Path)));
        File.Delete(_folder["config.json"]);
        Assert.Equal($"{_folder["config.json"]}: there is no such file.", Error(() => LanguageModel.Open(new ScriptedProgram(Vocabulary, [1]), _folder.Path)));
        Assert.Equal($"{_folder["none"]}: there is no such folder.", Error(() => LanguageModel.Open(new ScriptedProgram(Vocabulary, [1]), _folder["none"])));
    }

    [Fact]
    public async Task A_seed_makes_draws_repeatable()
    {
        await using LanguageModel model = Counting(new() { MaxSequences = 2 });
        var options = new GenerationOptions { Temperature = 3, Seed = 11, MaxTokens = 30, StopsAtEndOfSequence = false };
        (List<int> Tokens, GenerationStatistics _)[] runs = await Task.WhenAll(Tokens(model, [1], options), Tokens(model, [1], options));
        Assert.Equal(runs[0].Tokens, runs[1].Tokens);
        Assert.NotEqual(runs[0].Tokens, (await Tokens(model, [1], options with { Seed = 12 })).Tokens);
    }

    [Theory]
    [InlineData(1, 1, 16)]
    [InlineData(1, 7, 16)]
    [InlineData(3, 2, 16)]
    [InlineData(5, 7, 16)]
    public async Task Drafts_that_are_nearly_always_wrong_change_no_token(int sequences, int depth, int step)
    {
        await using LanguageModel model = Counting(new() { MaxSequences = sequences, MaxTokensPerStep = step, Threads = 2 });
        IEnumerable<Task> generations = Enumerable.Range(1, 9).Select(async i =>
        {
            int[] prompt = [.. Enumerable.Range(i, 5 * i).Select(token => token % CountingProgram.Vocabulary)];
            (List<int> tokens, GenerationStatistics statistics) = await Task.Run(() => Tokens(model, prompt, new() { MaxTokens = 30 + i, StopsAtEndOfSequence = false, Draft = depth }));
            Assert.Equal(Expected(prompt, 30 + i), tokens);
            Assert.Equal(tokens.Count - 1, statistics.Passes + statistics.AcceptedTokens);
            Assert.InRange(statistics.DraftedTokens, 20, 40 * depth);
        });
        await Task.WhenAll(generations);
    }

    [Fact]
    public async Task A_prompt_that_begins_like_one_before_goes_on_from_its_caches()
    {
        var program = new CountingProgram();
        int processed = 0;
        program.OnStep = pass => processed += pass.Step.Tokens;
        await using LanguageModel model = LanguageModel.Open(program, _folder.Path, new() { MaxTokensPerStep = 32, MaxSequences = 2 });
        int[] first = [.. Enumerable.Range(1, 60)], other = [.. Enumerable.Range(3, 20)];
        var options = new GenerationOptions { MaxTokens = 10, StopsAtEndOfSequence = false };
        async Task Continues(int[] prompt, int kept, int draft = 0)
        {
            processed = 0;
            (List<int> tokens, GenerationStatistics statistics) = await Tokens(model, prompt, options with { Draft = draft });
            Assert.Equal(Expected(prompt, 10), tokens);
            Assert.Equal(kept, statistics.KeptTokens);
            Assert.Equal(prompt.Length - kept + statistics.Passes + statistics.DraftedTokens, processed);
        }

        await Continues(first, 0);
        int[] more = [.. first, .. Expected(first, 10), 5, 6, 7];
        // The last token that was said was not processed any more.
        await Continues(more, 69);
        await Continues(other, 0);
        await Continues([.. more[..50], 90, 91], 50);
        await Continues([.. other, 1], 20);
        await Continues(other, 19);
        await Continues([.. Enumerable.Range(40, 9)], 0);
        // Drafting needs the prediction layer's cache, which generations without drafts have left empty.
        await Continues(other, 0, draft: 2);
        await Continues([.. other, 8], 19, draft: 2);
        await Continues([.. other, 8, 9], 21);
        // …and one entry of it less than tokens are shared.
        await Continues([.. other, 8, 10], 20, draft: 1);
    }

    [Fact]
    public async Task Says_why_nothing_can_be_drafted()
    {
        await using LanguageModel model = Counting(new() { MaxSequences = 17, MaxTokensPerStep = 16 });
        Assert.Equal("Draft is 8; it must be from 0 to 7.", Error(() => model.GenerateTokensAsync([1], new() { Draft = 8 })));
        Assert.Equal(
            "Nothing can be drafted: that needs absorbed attention and steps of at least 17 tokens, one for each sequence.",
            Error(() => model.GenerateTokensAsync([1], new() { Draft = 1 })));
        File.WriteAllText(_folder["config.json"], """{"vocab_size": 1024}""");
        await using LanguageModel other = LanguageModel.Open(new ScriptedProgram(Vocabulary, [1]), _folder.Path);
        Assert.Equal(
            $"{_folder.Path}: nothing can be drafted: Scripted has no layer for multi-token prediction.",
            Error(() => other.GenerateTokensAsync([1], new() { Draft = 1 })));
    }

    private LanguageModel Counting(LoadOptions options) => LanguageModel.Open(new CountingProgram(), _folder.Path, options);

    /// <summary>A model that continues a prompt of one token with this text and the end of the sequence.</summary>
    private LanguageModel Saying(string text)
    {
        foreach (string file in (string[])["tokenizer.json", "tokenizer_config.json"])
            File.Copy(Path.Combine(Repository.Data("tokenizer"), file), _folder[file], overwrite: true);
        return LanguageModel.Open(new ScriptedProgram(Vocabulary, [.. ModelTokenizer.Load(_folder.Path).Encode(text), 1]), _folder.Path);
    }

    private static async Task<(string Text, GenerationStatistics Statistics)> Generate(LanguageModel model, GenerationOptions options)
    {
        string text = "";
        GenerationStatistics? statistics = null;
        await foreach (GeneratedText piece in model.GenerateAsync("A", options))
        {
            text += piece.Text;
            statistics = piece.Statistics;
        }

        return (text, statistics!);
    }

    private static async Task<(List<int> Tokens, GenerationStatistics Statistics)> Tokens(LanguageModel model, int[] prompt, GenerationOptions options)
    {
        var tokens = new List<int>();
        GenerationStatistics? statistics = null;
        await foreach (GeneratedToken token in model.GenerateTokensAsync(prompt, options))
        {
            tokens.Add(token.Token);
            statistics = token.Statistics;
        }

        return (tokens, statistics!);
    }

    private static List<int> Expected(int[] prompt, int count)
    {
        List<int> all = [.. prompt];
        for (int i = 0; i < count; i++) all.Add(CountingProgram.Next(all));
        return all[prompt.Length..];
    }

    private static string Error(Func<object> action) => Assert.Throws<SinterException>(action).Message;
}
