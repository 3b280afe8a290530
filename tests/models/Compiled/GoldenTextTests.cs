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
}
