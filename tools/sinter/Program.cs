using Sinter.Command;
using Sinter.Command.Measuring;

_ = StartTiming.Entered;
return await CommandLine.Run(args);
