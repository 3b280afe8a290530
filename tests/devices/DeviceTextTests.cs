using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using Sinter.Models.Devices;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Generation;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Devices.Tests;

/// <summary>The trained model on an OpenCL device, with the kernels that a build made: text, drafts, kept prefixes, launches.</summary>
public sealed class DeviceTextTests
{
    [OpenCLTheory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task The_trained_model_continues_golden_prompts_token_for_token(int draft)
    {
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(Repository.Data("tiny-trained", "text_golden.json")));
        using Models.TinyTrained model = Open(out _);
        foreach (JsonElement item in golden.RootElement.GetProperty("prompts").EnumerateArray().Take(2))
        {
            int[] expected = [.. item.GetProperty("greedy").EnumerateArray().Select(token => token.GetInt32())];
            List<int> tokens = [];
            GenerationStatistics? statistics = null;
            await foreach (GeneratedText piece in model.GenerateAsync(item.GetProperty("prompt").GetString()!, new GenerationOptions { MaxTokens = expected.Length, Draft = draft }))
            {
                tokens.AddRange(piece.Tokens);
                statistics = piece.Statistics;
            }

            Assert.Equal(expected, tokens);
            Assert.Equal(draft > 0, statistics!.DraftedTokens > 0);
        }
    }

    [OpenCLFact]
    public async Task A_conversation_goes_on_as_if_all_of_it_were_said_at_once()
    {
        using Models.TinyTrained model = Open(out _);
        Conversation conversation = model.StartConversation();
        string all = "";
        foreach (string said in (string[])["In the beginning", "\nThen David went up"])
        {
            string answer = await Read(conversation.ContinueAsync(said, new() { MaxTokens = 12, StopsAtEndOfSequence = false }));
            Assert.Equal(await Read(model.GenerateAsync(all + said, new() { MaxTokens = 12, StopsAtEndOfSequence = false })), answer);
            all += said + answer;
        }
    }

    [OpenCLFact]
    public void Every_token_of_decoding_takes_the_same_launches()
    {
        using Models.TinyTrained model = Open(out DeviceTarget target);
        using ModelSession session = model.OpenSession(new SessionOptions { Target = target, Capacity = 64 });
        int sequence = session.AddSequence();
        var launches = new List<long>();
        for (int token = 0; token < 5; token++)
        {
            long before = target.Launches;
            session.Forward(sequence, new[] { token });
            launches.Add(target.Launches - before);
        }

        Assert.All(launches, count => Assert.Equal(launches[0], count));
        Assert.True(launches[0] > 0);
    }

    private static Models.TinyTrained Open(out DeviceTarget target)
    {
        target = new DeviceTarget(TestDevices.Open(DeviceKind.OpenCL), launcher => new TinyTrainedDeviceProgram(launcher));
        return Models.TinyTrained.Load(Repository.TinyTrained, new LoadOptions { Target = target });
    }

    private static async Task<string> Read(IAsyncEnumerable<GeneratedText> pieces)
    {
        string text = "";
        await foreach (GeneratedText piece in pieces) text += piece.Text;
        return text;
    }
}
