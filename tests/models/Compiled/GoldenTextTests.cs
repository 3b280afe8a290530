using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using System.Threading.Tasks;
using Sinter.Runtime.Generation;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Models.Tests.Compiled;

/// <summary>What a .NET developer sees: the generated class, loaded from a folder, continues prompts as transformers does.</summary>
public sealed class GoldenTextTests
{
    [Fact]
    public async Task The_trained_model_continues_every_golden_prompt_token_for_token()
    {
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(Repository.Data("tiny-trained", "text_golden.json")));
        using TinyTrained model = TinyTrained.Load(Repository.TinyTrained);
        int prompts = 0;
        foreach (JsonElement item in golden.RootElement.GetProperty("prompts").EnumerateArray())
        {
            int[] expected = [.. item.GetProperty("greedy").EnumerateArray().Select(token => token.GetInt32())];
            var text = new StringBuilder();
            List<int> tokens = [];
            GenerationStatistics? statistics = null;
            await foreach (GeneratedText piece in model.GenerateAsync(item.GetProperty("prompt").GetString()!, new GenerationOptions { MaxTokens = expected.Length }))
            {
                text.Append(piece.Text);
                tokens.AddRange(piece.Tokens);
                statistics = piece.Statistics;
            }

            Assert.Equal(expected, tokens);
            Assert.Equal(item.GetProperty("text").GetString(), text.ToString());
            Assert.Equal(item.GetProperty("ids").GetArrayLength(), statistics!.PromptTokens);
            prompts++;
        }

        Assert.Equal(5, prompts);
    }

    [Fact]
    public async Task A_conversation_goes_on_as_if_all_of_it_were_said_at_once_and_processes_only_what_is_new()
    {
        using TinyTrained model = TinyTrained.Load(Repository.TinyTrained);
        using TinyTrained fresh = TinyTrained.Load(Repository.TinyTrained);
        Conversation conversation = model.StartConversation();
        string all = "";
        int before = 0;
        foreach (string said in (string[])["In the beginning", "\nAnd the LORD said unto Moses,", "\nThen David went up"])
        {
            (string answer, GenerationStatistics statistics) = await Read(conversation.ContinueAsync(said, new() { MaxTokens = 20, StopsAtEndOfSequence = false }));
            (string expected, _) = await Read(fresh.GenerateAsync(all + said, new() { MaxTokens = 20, StopsAtEndOfSequence = false }));
            Assert.Equal(expected, answer);
            Assert.Equal(Math.Max(0, before - 1), statistics.KeptTokens);
            all += said + answer;
            before = conversation.Tokens.Count;
            Assert.Equal(statistics.PromptTokens + 20, before);
        }
    }

    private static async Task<(string Text, GenerationStatistics Statistics)> Read(IAsyncEnumerable<GeneratedText> pieces)
    {
        var text = new StringBuilder();
        GenerationStatistics? statistics = null;
        await foreach (GeneratedText piece in pieces)
        {
            text.Append(piece.Text);
            statistics = piece.Statistics;
        }

        return (text.ToString(), statistics!);
    }
}
